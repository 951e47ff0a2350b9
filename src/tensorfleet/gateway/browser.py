"""Callers that a browser signs in: the cookies, who they stand for, and whether the page that asks is ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from tensorfleet.access.browser import BrowserSessions, Seen
from tensorfleet.access.model import Principal, User
from tensorfleet.access.ports import AccessStore
from tensorfleet.access.sign_in import SESSION_LIFETIME
from tensorfleet.access.tokens import derive
from tensorfleet.gateway import csrf
from tensorfleet.kit.clock import utc_now
from tensorfleet.settings import Settings
from tensorfleet.settings_access import AccessSettings

COOKIES = "tensorfleet.cookies"
"""In the request's scope: `Set-Cookie` headers that the answer is to carry."""
_SESSION, _BEGUN = "tensorfleet_session", "tensorfleet_begun"
_SECURED = "__Host-"
_MOST = 10_000
_LOGOUT = "/api/v1/auth/logout"
Header = tuple[bytes, bytes]


class Browser:
    """What the door knows of cookies."""

    def __init__(
        self,
        sessions: BrowserSessions,
        settings: AccessSettings,
        home_token: str,
        origins: Sequence[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
        for_s: float = 1.0,
    ) -> None:
        """
        Args:
            origins: pages of these may ask with cookies, too.
            for_s: how long what was looked up is good, as in `access.sign_in.Remembered`.
        """
        self._sessions = sessions
        self._on_tls = settings.url.startswith("https:")
        self._secret = derive(home_token, b"pages of ours")
        self._origins = origins
        self._monotonic = monotonic
        self._for_s = for_s
        self._known: dict[str, tuple[float, Seen]] = {}

    def token_of(self, scope: Any) -> str | None:
        """The session's cookie, if the browser has one."""
        return read_cookie(scope, self._named(scope, _SESSION))

    async def who(self, scope: Any, token: str) -> Principal:
        """Whom the cookie stands for; the answer brings the next one if it is time.

        Raises:
            NotAuthenticated: nobody, or not any more.
            NotPermitted: it changes something, and a page of others asks.
        """
        until, seen = self._known.get(token, (0.0, None))
        if seen is None or self._monotonic() >= until:
            seen = await asyncio.to_thread(self._sessions.look, token)
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[token] = (self._monotonic() + self._for_s, seen)
        csrf.check(scope, csrf.token_of(self._secret, seen.session_id), self._origins)
        if scope["path"] == _LOGOUT:
            if seen.principal.via == "key":  # for everything else it is the key, which does not end
                await asyncio.to_thread(self._sessions.end, token)
                self.forget()
            scope[COOKIES] = self._session_cookies(scope, "", "", 0)
        elif seen.renewed is not None:
            scope[COOKIES] = self._set(scope, seen.session_id, seen.renewed)
        return seen.principal

    def remembered(self, scope: Any) -> Principal | None:
        """Whom the cookie stands for, if that was looked up within the last moment and nothing has to be done about it."""
        until, seen = self._known.get(self.token_of(scope) or "", (0.0, None))
        if seen is None or seen.renewed is not None or self._monotonic() >= until:
            return None
        return seen.principal

    def forget(self) -> None:
        """After a change of anybody's rights."""
        self._known.clear()

    def begin(
        self,
        scope: Any,
        user: User,
        address: str,
        program: str,
        ends_at: datetime | None = None,
        key_id: str | None = None,
    ) -> list[Header]:
        """A new session in place of the one that this browser may have had; blocks."""
        former = self.token_of(scope)
        if former is not None:
            self._sessions.end(former)
            self.forget()
        session_id, token = self._sessions.begin(user, address, program, ends_at, key_id)
        return self._set(scope, session_id, token)

    def check_page(self, scope: Any) -> None:
        """Returns if a page of ours asks, where there is no session yet to have a token: nobody is to be signed in unawares.

        Raises:
            NotPermitted
        """
        csrf.check_origin(scope, self._origins)

    def begun_of(self, scope: Any) -> str | None:
        """What was kept of a sign-in at a provider."""
        return read_cookie(scope, self._named(scope, _BEGUN))

    def keep_begun(self, scope: Any, sealed: str, for_s: int) -> Header:
        """For the way to a provider and back; empty to forget."""
        return self._cookie(scope, _BEGUN, sealed, for_s if sealed else 0)

    def _set(self, scope: Any, session_id: str, token: str) -> list[Header]:
        page = csrf.token_of(self._secret, session_id)
        return self._session_cookies(scope, token, page, int(SESSION_LIFETIME.total_seconds()))

    def _session_cookies(self, scope: Any, token: str, page: str, for_s: int) -> list[Header]:
        secure = "; Secure" if self._secure(scope) else ""
        readable = f"{csrf.COOKIE}={page}; Path=/; Max-Age={for_s}; SameSite=Lax{secure}"
        return [self._cookie(scope, _SESSION, token, for_s), (b"set-cookie", readable.encode())]

    def _cookie(self, scope: Any, name: str, value: str, for_s: int) -> Header:
        secure = "; Secure" if self._secure(scope) else ""
        text = f"{self._named(scope, name)}={value}; Path=/; Max-Age={for_s}; HttpOnly; SameSite=Lax{secure}"
        return b"set-cookie", text.encode()

    def _named(self, scope: Any, name: str) -> str:
        """On TLS a name that no other host and no page without TLS can set."""
        return f"{_SECURED}{name}" if self._secure(scope) else name

    def _secure(self, scope: Any) -> bool:
        return self._on_tls or scope["scheme"] == "https"


def browser_of(settings: Settings, store: AccessStore, token: str) -> Browser:
    origins = settings.web.origins if settings.web.credentials else ()
    return Browser(BrowserSessions(store, token, utc_now), settings.access, token, origins)


def read_cookie(scope: Any, name: str) -> str | None:
    """Its value.  One that is there twice is none: which of the two was set here, nobody can tell."""
    sent = b";".join(value for header, value in scope["headers"] if header == b"cookie").decode("latin-1")
    pairs = (pair.strip().partition("=") for pair in sent.split(";"))
    found = [value for key, _, value in pairs if key == name]
    return found[0] if len(found) == 1 and found[0] else None


def sending(send: Any, cookies: Sequence[Header]) -> Any:
    """The same, with these headers on the answer."""

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *cookies]
        await send(message)

    return sent
