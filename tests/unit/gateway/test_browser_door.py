"""Cookies at the door: whom they let in, when a new one comes back, and what they are called where."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tensorfleet.access.browser import Seen
from tensorfleet.access.model import Permission, Principal
from tensorfleet.access.sign_in import Remembered
from tensorfleet.errors import NotAuthenticated
from tensorfleet.gateway.auth import CALLER, Door
from tensorfleet.gateway.browser import Browser, read_cookie
from tensorfleet.settings_access import AccessSettings

ANNA = Principal("u-1", "anna", frozenset(Permission), via="session", credential="s-1")
ROBOT = Principal("u-2", "robot", frozenset(Permission), via="key", credential="k-1")
HOME = "t" * 43
COOKIE = "tensorfleet_session"
READ, LOGOUT = ("GET", "/api/v1/users"), ("POST", "/api/v1/auth/logout")


@dataclass
class Sessions:
    """Knows one cookie; the next look brings `renewed`."""

    renewed: str | None = None
    who: Principal = ANNA
    looks: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def look(self, cookie: str) -> Seen:
        self.looks.append(cookie)
        if cookie != "good":
            raise NotAuthenticated("no")
        return Seen(self.who, self.who.credential or "", self.renewed)

    def begin(self, user: Any, address: str, program: str, *until: Any) -> tuple[str, str]:
        return "s-2", "new"

    def end(self, cookie: str) -> None:
        self.ended.append(cookie)


@dataclass
class Answer:
    status: int
    cookies: list[str]
    caller: Principal | None


class Gateway:
    """A door, and behind it an application that answers everything."""

    def __init__(self, url: str = "") -> None:
        self.now = 0.0
        self.sessions = Sessions()
        self.browser = Browser(
            self.sessions,  # type: ignore[arg-type]
            AccessSettings(url=url),
            HOME,
            monotonic=lambda: self.now,
        )
        self.door = Door(
            self._app, Remembered(self._by_token, lambda: self.now), lambda _: None, self.browser
        )
        self._called: Principal | None = None

    async def ask(self, what: tuple[str, str], scheme: str = "http", **headers: str) -> Answer:
        given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "method": what[0], "path": what[1], "query_string": b"", "scheme": scheme,
            "headers": [(b"host", b"fleet.example.org"), *given],
        }  # fmt: skip
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        self._called = None
        await self.door(scope, None, send)
        cookies = [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]
        return Answer(sent[0]["status"], cookies, self._called)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self._called = scope[CALLER]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    @staticmethod
    def _by_token(token: str) -> Principal:
        if token != "key":
            raise NotAuthenticated("no")
        return ROBOT


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def page_token(gateway: Gateway) -> str:
    cookies = gateway.browser._set({"scheme": "http"}, "s-1", "good")
    return cookies[1][1].decode().partition("=")[2].partition(";")[0]


async def test_a_cookie_is_as_good_as_a_token_for_reading(gateway: Gateway) -> None:
    answer = await gateway.ask(READ, cookie=f"a=b; {COOKIE}=good; c=d")
    assert (answer.status, answer.caller, answer.cookies) == (200, ANNA, [])
    assert (await gateway.ask(READ, cookie=f"{COOKIE}=bad")).status == 401
    assert (await gateway.ask(READ, cookie="other=good")).status == 401
    assert (await gateway.ask(READ)).status == 401


async def test_a_token_goes_before_a_cookie(gateway: Gateway) -> None:
    both = await gateway.ask(READ, cookie=f"{COOKIE}=good", authorization="Bearer key")
    assert both.caller == ROBOT
    assert (await gateway.ask(READ, cookie=f"{COOKIE}=good", authorization="Bearer wrong")).status == 401
    assert (await gateway.ask(READ, cookie=f"{COOKIE}=good", authorization="Basic x")).status == 401
    assert (await gateway.ask(LOGOUT, authorization="Bearer key")).status == 200, (
        "no page token is asked of programs"
    )


async def test_a_change_takes_the_token_of_our_pages(gateway: Gateway) -> None:
    token = page_token(gateway)
    cookie = f"{COOKIE}=good; tensorfleet_csrf={token}"
    assert (await gateway.ask(LOGOUT, cookie=cookie)).status == 403
    assert (await gateway.ask(LOGOUT, cookie=cookie, x_csrf_token="0" * 64)).status == 403
    planted = f"{COOKIE}=good; tensorfleet_csrf={'0' * 64}"
    assert (await gateway.ask(LOGOUT, cookie=planted, x_csrf_token="0" * 64)).status == 403
    assert (
        await gateway.ask(LOGOUT, cookie=cookie, x_csrf_token=token, origin="https://evil.example")
    ).status == 403
    assert (await gateway.ask(LOGOUT, cookie=cookie, x_csrf_token=token)).status == 200


async def test_what_was_looked_up_is_good_for_a_second(gateway: Gateway) -> None:
    for now in (0.0, 0.5, 1.5):
        gateway.now = now
        await gateway.ask(READ, cookie=f"{COOKIE}=good")
    assert gateway.sessions.looks == ["good", "good"]
    gateway.browser.forget()
    await gateway.ask(READ, cookie=f"{COOKIE}=good")
    assert len(gateway.sessions.looks) == 3


async def test_a_new_cookie_comes_with_the_answer(gateway: Gateway) -> None:
    gateway.sessions.renewed = "next"
    session, page = (await gateway.ask(READ, cookie=f"{COOKIE}=good")).cookies
    assert session == f"{COOKIE}=next; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
    assert page.startswith("tensorfleet_csrf=")
    assert "HttpOnly" not in page


async def test_signing_out_takes_the_cookies_away(gateway: Gateway) -> None:
    token = page_token(gateway)
    answer = await gateway.ask(LOGOUT, cookie=f"{COOKIE}=good; tensorfleet_csrf={token}", x_csrf_token=token)
    assert [cookie.partition(";")[0] for cookie in answer.cookies] == [f"{COOKIE}=", "tensorfleet_csrf="]
    assert all("Max-Age=0" in cookie for cookie in answer.cookies)


@pytest.mark.parametrize(("url", "scheme"), [("", "https"), ("https://fleet.example.org", "http")])
async def test_on_tls_a_cookie_cannot_come_from_elsewhere(url: str, scheme: str) -> None:
    gateway = Gateway(url)
    assert (await gateway.ask(READ, scheme, cookie=f"{COOKIE}=good")).status == 401, (
        "a page without TLS may set this"
    )
    gateway.sessions.renewed = "next"
    answer = await gateway.ask(READ, scheme, cookie=f"__Host-{COOKIE}=good")
    assert answer.cookies[0].startswith(f"__Host-{COOKIE}=next; Path=/;")
    assert all(cookie.endswith("; Secure") and "Domain" not in cookie for cookie in answer.cookies)


def test_a_new_session_takes_the_place_of_the_former_one(gateway: Gateway) -> None:
    scope = {"scheme": "http", "headers": [(b"cookie", f"{COOKIE}=old".encode())]}
    cookies = gateway.browser.begin(scope, None, "::1", "a browser")  # type: ignore[arg-type]
    assert gateway.sessions.ended == ["old"]
    assert cookies[0][1].startswith(f"{COOKIE}=new;".encode())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["a=1"], "1"),
        (["b=2; a=1"], "1"),
        (["b=2", "a=1=2"], "1=2"),
        (["a=1; a=2"], None),
        (["a=1", "a=1"], None),
        (["a="], None),
        (["ba=1"], None),
        (["a"], None),
        ([], None),
    ],
)
def test_a_cookie_that_is_there_twice_is_none(headers: list[str], expected: str | None) -> None:
    scope = {"headers": [(b"cookie", header.encode()) for header in headers]}
    assert read_cookie(scope, "a") == expected


async def test_signing_out_ends_a_session_of_a_key_too(gateway: Gateway) -> None:
    """For everything else such a caller is the key, which does not end."""
    gateway.sessions.who = replace(ROBOT, credential="s-1")
    token = page_token(gateway)
    await gateway.ask(LOGOUT, cookie=f"{COOKIE}=good; tensorfleet_csrf={token}", x_csrf_token=token)
    assert gateway.sessions.ended == ["good"]
