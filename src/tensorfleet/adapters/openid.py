"""An OpenID provider, asked over HTTP: what it says of itself, its keys, and whom a code stands for.

Its address is the administrator's setting, so it may be in a private network; a cloud's metadata service is refused all the
same, no redirect is followed, and what an answer may hold and how long it may take are bounded.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote_plus, urlencode

from tensorfleet.errors import NotAuthenticated, Unavailable
from tensorfleet.kit.breaker import Breaker, BreakerOpen
from tensorfleet.kit.buckets import MemoryBuckets, Policy
from tensorfleet.kit.clock import steady_clock, utc_now
from tensorfleet.kit.outgoing import Answer, NoAnswer, Outgoing, Refused
from tensorfleet.settings_access import ProviderSettings, is_safe

WITHIN_S = 5.0
KEPT_S = 3600.0
"""What a provider says of itself, and its keys, are read again after so long."""
_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_NEW_KEYS = Policy("keys", 6, 60.0)
"""A key that is not known may be new, or made up by somebody: so often the provider is asked because of one."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True)
class Discovered:
    """What a provider says of itself (OpenID Connect Discovery)."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    secret_in_body: bool
    names_itself: bool


class OpenIdProvider:
    """One provider.  Thread-safe; every method may take some seconds, and raises Unavailable when the provider is away."""

    def __init__(
        self, settings: ProviderSettings, proxy: str = "", monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._outgoing = Outgoing(allow=_EVERYWHERE, proxy=proxy, within_s=WITHIN_S)
        self._breaker = Breaker(
            lambda error: isinstance(error, NoAnswer),
            steady_clock(utc_now),
            failures=2,
            first_s=2.0,
            most_s=30.0,
        )
        self._monotonic = monotonic
        self._new_keys = MemoryBuckets(monotonic)
        self._kept: dict[str, tuple[float, Any]] = {}

    def discovered(self) -> Discovered:
        issuer = self.settings.issuer
        found = self._remembered(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise self._trouble(
                f"it calls itself '{str(found.get('issuer'))[:200]}', and the setting '{issuer}'"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not self._is_safe(found.get(name)):
                raise self._trouble(f"its {name} is no safe URL")
        ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Discovered(
            found["authorization_endpoint"],
            found["token_endpoint"],
            found["jwks_uri"],
            found.get("userinfo_endpoint") if self._is_safe(found.get("userinfo_endpoint")) else None,
            secret_in_body="client_secret_basic" not in ways,
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        )

    def keys(self, *, fresh: bool = False) -> list[Any]:
        """Its key set; a fresh one is not asked for too often."""
        address = self.discovered().keys
        if fresh and self._new_keys.take("", _NEW_KEYS).allowed:
            self._kept.pop(address, None)
        found = self._remembered(address).get("keys")
        return found if isinstance(found, list) else []

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """What the provider gives for a code.

        Raises:
            NotAuthenticated: it does not take the code.
        """
        found, settings = self.discovered(), self.settings
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        fields |= {"client_id": settings.client_id, "code_verifier": verifier}
        headers = dict(_FORM)
        try:
            secret = settings.secret()
        except (OSError, ValueError) as error:
            raise self._trouble(f"the file with its client secret cannot be read ({error})") from error
        if secret and found.secret_in_body:
            fields["client_secret"] = secret
        elif secret:
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = self._ask("POST", found.token, headers, urlencode(fields).encode())
        if answer.status == 200:
            return self._json(answer, found.token)
        why = self._error_of(answer)
        if why == "invalid_grant":
            raise NotAuthenticated(
                f"'{settings.name}' does not take this sign-in's code: it was used already, or has expired; sign in again"
            )
        raise self._trouble(
            f"it refuses this client with '{why}'; are client_id, secret and redirect URI right?"
        )

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """Further claims; empty where the provider has no place for them."""
        address = self.discovered().userinfo
        if address is None:
            return {}
        answer = self._ask("GET", address, {"Authorization": f"Bearer {access_token}"}, b"")
        if answer.status != 200 or "json" not in answer.headers.get("content-type", "json"):
            return {}
        return self._json(answer, address)

    def _remembered(self, address: str) -> dict[str, Any]:
        until, found = self._kept.get(address, (0.0, None))
        if found is None or self._monotonic() >= until:
            answer = self._ask("GET", address, {"Accept": "application/json"}, b"")
            if answer.status != 200:
                raise self._trouble(f"{address} answers with status {answer.status}")
            found = self._json(answer, address)
            self._kept[address] = (self._monotonic() + KEPT_S, found)
        return dict(found)

    def _ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            with self._breaker.guard():
                sent = {**headers, "Content-Length": str(len(body))} if body else headers
                answer = self._outgoing.send(method, address, sent, body)
                if answer.status >= 500:
                    raise NoAnswer(f"it answers with status {answer.status}")
                return answer
        except (NoAnswer, Refused) as error:
            raise self._trouble(str(error)) from error
        except BreakerOpen as error:
            raise self._trouble(f"{error.reading.last_error}, and is left alone for a moment") from error

    def _json(self, answer: Answer, address: str) -> dict[str, Any]:
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._trouble(f"{address} answers with something that is no JSON object")
        return found

    @staticmethod
    def _error_of(answer: Answer) -> str:
        try:
            return str(json.loads(answer.body)["error"])[:100]
        except (ValueError, KeyError, TypeError, RecursionError):
            return f"status {answer.status}"

    def _is_safe(self, url: Any) -> bool:
        """As safe as the issuer: what an http one says may be http as well."""
        return isinstance(url, str) and (is_safe(url.partition("?")[0]))

    def _trouble(self, why: str) -> Unavailable:
        return Unavailable(
            f"the sign-in provider '{self.settings.name}' cannot be used now: {why}. "
            "Whoever is signed in stays so; try again in a moment, or sign in another way"
        )
