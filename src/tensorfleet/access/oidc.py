"""Signing in at an OpenID provider: the authorization code flow, with PKCE, state and nonce.

What has to be remembered between the two steps lies in a cookie of the browser that began, sealed: only there can it go on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tensorfleet.access import claims as said
from tensorfleet.access import passwords
from tensorfleet.access.arrivals import arrive
from tensorfleet.access.model import User
from tensorfleet.access.ports import AccessStore
from tensorfleet.access.sign_in import Guard
from tensorfleet.access.tokens import derive
from tensorfleet.adapters.openid import OpenIdProvider
from tensorfleet.audit.current import note
from tensorfleet.errors import InvalidInput, NotAuthenticated, NotFound, nearest
from tensorfleet.kit.clock import Clock

WITHIN = timedelta(minutes=10)
"""So long somebody has at the provider."""
_PURPOSE = "a sign-in that was begun"
_NOT_BEGUN = (
    "this sign-in was not begun in this browser, was used already, or took too long; begin again at /sign-in"
)


@dataclass(frozen=True)
class Begun:
    """A sign-in between its two steps."""

    provider: str
    state: str
    nonce: str
    verifier: str
    next: str
    at: float


@dataclass(frozen=True)
class Arrived:
    """Who came back from a provider, where this one wanted to go, and until when the provider's word is good."""

    user: User
    next: str
    ends_at: datetime


class OidcSignIn:
    """Proves who somebody is with the word of a provider."""

    def __init__(
        self,
        providers: Sequence[OpenIdProvider],
        url: str,
        store: AccessStore,
        home_token: str,
        clock: Clock,
        guard: Guard | None = None,
        random_text: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        """`url` is where browsers find the gateway."""
        self.providers = {one.settings.name: one for one in providers}
        self._url = url
        self._store = store
        self._sealing = derive(home_token, b"begun sign-ins")
        self._clock = clock
        self._guard = guard or Guard()
        self._random_text = random_text

    def begin(self, name: str, following: str) -> tuple[str, str]:
        """The provider's address to go to, and what the browser has to keep until it comes back.

        Raises:
            NotFound: there is no such provider.
            Unavailable: it is away.
        """
        provider = self._provider(name)
        found = provider.discovered()
        state, nonce, verifier = self._random_text(), self._random_text(), self._random_text()
        begun = Begun(name, state, nonce, verifier, following, self._clock().timestamp())
        query = {
            "response_type": "code",
            "client_id": provider.settings.client_id,
            "redirect_uri": self.redirect_uri(name),
            "scope": " ".join(provider.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in found.authorization else "?"
        address = f"{found.authorization}{joint}{urlencode(query)}"
        return address, passwords.seal(self._sealing, json.dumps(asdict(begun)), _PURPOSE)

    def finish(self, name: str, query: Mapping[str, str], kept: str | None, address: str) -> Arrived:
        """Who it is that the provider has sent back with this query.

        Args:
            kept: what `begin` gave the browser.
            address: where the browser is; whoever fails too often from there has to wait.

        Raises:
            NotAuthenticated: it proves nothing.
            NotPermitted: this person may not come in.
            Unavailable: the provider is away.
        """
        provider, who = self._provider(name), f"{name} from {address}"
        self._guard.check(who, address)
        note(target=("provider", name))
        try:
            begun = self._begun(name, query.get("state", ""), kept)
            claims = self._claims(provider, begun, query)
        except NotAuthenticated:
            self._guard.failed(who, address)
            raise
        now = self._clock()
        user = arrive(self._store, provider.settings, claims, now)
        return Arrived(user, begun.next, now + timedelta(hours=provider.settings.session_hours))

    def redirect_uri(self, name: str) -> str:
        return f"{self._url}/api/v1/auth/oidc/{name}/callback"

    def login_address(self, name: str) -> str:
        """Where a browser begins; always at the address to which it will come back, where its cookie is."""
        return f"{self._url}/api/v1/auth/oidc/{name}/login"

    def issuer(self, name: str) -> str:
        return self._provider(name).settings.issuer

    def _provider(self, name: str) -> OpenIdProvider:
        if name not in self.providers:
            raise NotFound(f"there is no sign-in provider '{name[:40]}'; {nearest(name, self.providers)}")
        return self.providers[name]

    def _begun(self, name: str, state: str, kept: str | None) -> Begun:
        try:
            begun = Begun(**json.loads(passwords.unseal(self._sealing, kept or "", _PURPOSE)))
        except (ValueError, TypeError, InvalidInput) as error:
            raise NotAuthenticated(_NOT_BEGUN) from error
        late = self._clock().timestamp() > begun.at + WITHIN.total_seconds()
        if late or begun.provider != name or not hmac.compare_digest(begun.state.encode(), state.encode()):
            raise NotAuthenticated(_NOT_BEGUN)
        return begun

    def _claims(self, provider: OpenIdProvider, begun: Begun, query: Mapping[str, str]) -> said.Claims:
        settings = provider.settings
        if "error" in query:
            why = query.get("error_description") or query["error"]
            raise NotAuthenticated(f"'{settings.name}' did not sign you in: {why[:200]}")
        self._check_who_answers(provider, query.get("iss"))
        given = provider.exchange(query.get("code", ""), begun.verifier, self.redirect_uri(settings.name))
        claims = self._believed(provider, str(given.get("id_token", "")), begun.nonce)
        if said.groups_of(claims, settings.groups_claim) == () or "email" not in claims:
            more = provider.userinfo(str(given.get("access_token", "")))
            if more.get("sub") == claims["sub"]:  # else it is about somebody else
                claims = more | claims
        return claims

    @staticmethod
    def _check_who_answers(provider: OpenIdProvider, issuer: str | None) -> None:
        """RFC 9207: one provider must not pass on the answer of another."""
        expected = provider.settings.issuer
        if issuer != expected and (issuer is not None or provider.discovered().names_itself):
            raise NotAuthenticated(f"this answer is from '{str(issuer)[:200]}', not from '{expected}'")

    def _believed(self, provider: OpenIdProvider, token: str, nonce: str) -> said.Claims:
        settings, now = provider.settings, self._clock()

        def read(keys: list[Any]) -> said.Claims:
            return said.read_id_token(
                token, keys, issuer=settings.issuer, client_id=settings.client_id, nonce=nonce, now=now
            )

        try:
            try:
                return read(provider.keys())
            except said.UnknownKey:
                return read(provider.keys(fresh=True))
        except said.NotBelieved as error:
            raise NotAuthenticated(f"what '{settings.name}' sent proves nothing: {error}") from error


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636): whoever knows the verifier can be told from whoever saw this."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
