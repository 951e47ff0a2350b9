"""Token buckets that several gateways share through Redis; while it is away each of them has its own.

Time is Redis' own, so that machines whose clocks differ agree.  A bucket vanishes there when it is full again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from typing import Any

from tensorfleet.adapters.redis_link import ANSWER_S, RedisLink
from tensorfleet.errors import Unavailable
from tensorfleet.kit.buckets import MemoryBuckets, Policy, Taken, taken

CONNECTIONS = 8
"""Questions from one event loop at a time: each needs a connection of its own, and is answered in a fraction of a millisecond."""
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local behind = math.max(0, tonumber(redis.call('GET', KEYS[1]) or 0) - now)
local after = behind + tonumber(ARGV[1])
if after > tonumber(ARGV[2]) * (1 + 1e-9) then
  return {0, string.format('%.0f', behind)}
end
if ARGV[3] == 'take' then
  redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000))
end
return {1, string.format('%.0f', after)}
"""
"""Answers with whether a token is given, and the microseconds until the bucket will be full."""


class RedisBuckets:
    """`Buckets` of all gateways of one platform.

    Args:
        secret: what the platform's gateways have in common; keys are hashed with it, so that nobody's name or address stands
            in Redis, and platforms that share one do not share buckets.
    """

    def __init__(self, link: RedisLink, memory: MemoryBuckets, secret: str) -> None:
        self.link = link
        self._memory = memory
        self._questions = asyncio.Semaphore(CONNECTIONS)
        self._secret = hashlib.sha256(b"buckets:" + secret.encode()).digest()

    def take(self, key: str, policy: Policy) -> Taken:
        return self._call(key, policy, "take") or self._memory.take(key, policy)

    def peek(self, key: str, policy: Policy) -> Taken:
        return self._call(key, policy, "peek") or self._memory.peek(key, policy)

    async def take_soon(self, key: str, policy: Policy) -> Taken:
        """`take` in an event loop."""
        arguments = self._arguments(key, policy, "take")
        try:
            async with self._questions:
                found = await self.link.ask(lambda client: client.eval(_TAKE, 1, *arguments), ANSWER_S)
        except Unavailable:
            return self._memory.take(key, policy)
        return _read(found, policy)

    async def aclose(self) -> None:
        await self.link.aclose()

    def _call(self, key: str, policy: Policy, what: str) -> Taken | None:
        arguments = self._arguments(key, policy, what)
        with contextlib.suppress(Unavailable):
            return _read(self.link.call(lambda client: client.eval(_TAKE, 1, *arguments)), policy)
        return None

    def _arguments(self, key: str, policy: Policy, what: str) -> tuple[str, str, str, str]:
        name = hmac.new(self._secret, f"{policy.name}:{key}".encode("utf-8", "replace"), "sha256").hexdigest()
        token, window = (f"{seconds * 1e6:.3f}" for seconds in (policy.token_s, policy.window_s))
        return f"tensorfleet:bucket:{name[:32]}", token, window, what


def _read(found: Any, policy: Policy) -> Taken:
    allowed, behind = found
    return taken(bool(int(allowed)), float(behind) / 1e6, policy)
