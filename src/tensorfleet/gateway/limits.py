"""How much one caller may ask: a bucket of requests for each user or key, and each kind of route.

Behind authentication, which has said who calls.  Failed sign-ins have buckets of their own, by name and by address.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, NamedTuple

from tensorfleet.access.current import caller
from tensorfleet.access.model import ROOT_ID, Principal
from tensorfleet.access.sign_in import Guard
from tensorfleet.adapters.redis_buckets import RedisBuckets
from tensorfleet.adapters.redis_link import RedisLink
from tensorfleet.errors import TooManyRequests
from tensorfleet.gateway.problems import from_error
from tensorfleet.kit.buckets import Buckets, MemoryBuckets, Policy, Taken
from tensorfleet.settings_protection import LimitSettings, LimitsSettings

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_DATA = re.compile(r"/api/v1/(uploads/[^/]+/chunks/|download/|datasets/[^/]+/versions|jobs/[^/]+/files/)")
_STREAM = re.compile(r"/api/v1/(events|jobs/[^/]+/stream)")
_UNLIMITED = ("/health/live", "/health/ready")
"""What keeps a gateway alive is not refused because of whoever else has the same address."""


def buckets_of(redis_url: str, token: str) -> MemoryBuckets | RedisBuckets:
    """This gateway's buckets, or those that it shares with all that have the same token and Redis."""
    memory = MemoryBuckets(time.monotonic)
    return RedisBuckets(RedisLink(redis_url), memory, token) if redis_url else memory


def kind_of(method: str, path: str) -> str:
    """The kind of route, by the names of `LimitsSettings`."""
    if _DATA.match(path):
        return "data"
    if method not in ("GET", "HEAD"):
        return "write"
    return "stream" if _STREAM.fullmatch(path) else "read"


def policies_of(settings: LimitsSettings) -> dict[str, Policy]:
    found = {}
    for name in type(settings).model_fields:
        limit = getattr(settings, name)
        if isinstance(limit, LimitSettings):
            found[name] = Policy(name, limit.quota, limit.per_s)
    return found


def who_of(principal: Principal | None, client: tuple[str, int] | None) -> str:
    """Whose bucket it is: a key's, a user's, or that of an address."""
    if principal is None:
        return f"from {place_of(client[0] if client else '')}"
    if principal.via == "key":
        return f"key {principal.credential}"
    return f"user {principal.id}"


@lru_cache(4096)
def place_of(address: str) -> str:
    """An address as far as it tells people apart: who has one of IPv6 has 2^64 of them."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


class Permit(NamedTuple):
    """What came of drawing from a caller's bucket: the headers that say so, and the policy by which it was done."""

    taken: Taken
    policy: Policy
    headers: list[tuple[bytes, bytes]]


class Limits:
    """The buckets of all callers, by kind of route."""

    def __init__(self, settings: LimitsSettings, buckets: MemoryBuckets | RedisBuckets) -> None:
        self._policies = policies_of(settings)
        self._shown = {name: policy_header(policy) for name, policy in self._policies.items()}
        self._buckets = buckets
        self._enabled = settings.enabled

    async def draw(self, scope: Any, principal: Principal | None) -> Permit | None:
        """None for what is not limited."""
        if (
            not self._enabled
            or scope["type"] != "http"
            or (principal is not None and principal.id == ROOT_ID)
            or scope["path"] in _UNLIMITED
        ):
            return None
        kind = kind_of(scope["method"], scope["path"]) if principal is not None else "anonymous"
        key, policy = who_of(principal, scope["client"]), self._policies[kind]
        if isinstance(self._buckets, RedisBuckets):
            taken = await self._buckets.take_soon(key, policy)
        else:
            taken = self._buckets.take(key, policy)
        headers = [(b"ratelimit-policy", self._shown[kind]), (b"ratelimit", limit_header(policy, taken))]
        return Permit(taken, policy, headers)


def limited(app: Asgi, limits: Limits) -> Asgi:
    """The same application; a caller who asks too much gets 429 and learns when to come back."""

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        permit = await limits.draw(scope, caller.get())
        if permit is None:
            await app(scope, receive, send)
            return

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *permit.headers]
            await send(message)

        if permit.taken.allowed:
            await app(scope, receive, told)
            return
        await from_error(_refusal(permit.policy, permit.taken))(scope, receive, told)

    return answered


def policy_header(policy: Policy) -> bytes:
    """`RateLimit-Policy` as draft-ietf-httpapi-ratelimit-headers-10 writes it."""
    return f'"{policy.name}";q={policy.quota};w={max(1, round(policy.window_s))}'.encode()


def limit_header(policy: Policy, taken: Taken) -> bytes:
    """`RateLimit` of the same draft: what is left, and in how many seconds all of it will be back."""
    wait_s = taken.full_in_s if taken.allowed else taken.wait_s
    return f'"{policy.name}";r={taken.remaining};t={int(wait_s) + 1}'.encode()


def _refusal(policy: Policy, taken: Taken) -> TooManyRequests:
    return TooManyRequests(
        f"more than {policy.quota} requests of the kind '{policy.name}' in {policy.window_s:g} s; "
        f"ask again in {max(1, round(taken.wait_s))} s, or have limits.{policy.name} raised",
        taken.wait_s,
    )


class SignInLimits(Guard):
    """What stands between a guesser and the passwords.  Thread-safe; for the threads that look at passwords.

    As many as look at passwords at the same time may be let through beyond the limit.
    """

    def __init__(self, settings: LimitsSettings, buckets: Buckets) -> None:
        policies = policies_of(settings)
        self._by_name, self._by_address = policies["failed_name"], policies["failed_address"]
        self._buckets = buckets

    def check(self, name: str, address: str) -> None:
        """
        Raises:
            TooManyRequests: too many sign-ins with this name, or from this address, have failed.
        """
        for key, policy in self._asked(name, address):
            found = self._buckets.peek(key, policy)
            if not found.allowed:
                raise TooManyRequests(
                    f"too many sign-ins have failed; try again in {max(1, round(found.wait_s))} s",
                    found.wait_s,
                )

    def failed(self, name: str, address: str) -> None:
        """Counts one."""
        for key, policy in self._asked(name, address):
            self._buckets.take(key, policy)

    def _asked(self, name: str, address: str) -> tuple[tuple[str, Policy], tuple[str, Policy]]:
        # Longer names than anybody has share a bucket with their beginning: what is kept does not grow with them.
        return (name.strip().lower()[:200], self._by_name), (place_of(address), self._by_address)
