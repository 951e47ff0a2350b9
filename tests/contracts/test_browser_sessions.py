"""Sessions of browsers, and the codes with which they let programs in, on every database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.access.arrivals import arrive
from tensorfleet.access.browser import BrowserSessions
from tensorfleet.access.codes import SignInCodes
from tensorfleet.access.current import caller
from tensorfleet.access.model import ROOT, Role, User, principal_of
from tensorfleet.access.oidc import challenge_of
from tensorfleet.access.sign_in import SignIn
from tensorfleet.access.store import SqlAccessStore
from tensorfleet.adapters.database import Database
from tensorfleet.errors import InvalidInput, NotAuthenticated, NotPermitted
from tensorfleet.settings_access import ProviderSettings

HOME = "t" * 43
VERIFIER, BACK = "v" * 43, "http://127.0.0.1:4711/signed-in"
COMPANY = ProviderSettings(
    name="company",
    issuer="https://id.example.org",
    client_id="tensorfleet",
    roles={"seers": {"vision": Role.USER}, "heads": Role.ADMIN},
)
ANNA = {"sub": "42", "preferred_username": "Anna", "groups": ["seers"]}


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database) -> SqlAccessStore:
    return SqlAccessStore(database)


@pytest.fixture
def anna(store: SqlAccessStore, clock: Clock) -> User:
    user = User("u-1", "anna", clock())
    store.add_user(user)
    return user


@pytest.fixture
def sessions(store: SqlAccessStore, clock: Clock) -> BrowserSessions:
    return BrowserSessions(store, HOME, clock)


@pytest.fixture
def codes(store: SqlAccessStore, clock: Clock) -> SignInCodes:
    return SignInCodes(store, SignIn(store, HOME, clock), clock)


def test_a_cookie_is_renewed_as_it_is_used(sessions: BrowserSessions, anna: User, clock: Clock) -> None:
    session_id, first = sessions.begin(anna, "::1", "a browser")
    seen = sessions.look(first)
    assert (seen.principal.name, seen.principal.via, seen.principal.credential) == (
        "anna",
        "session",
        session_id,
    )
    assert seen.renewed is None
    clock.pass_by(minutes=15)
    second = sessions.look(first).renewed
    assert second is not None
    assert second != first
    clock.pass_by(seconds=59)
    assert sessions.look(first).renewed == second, "the answer with it may have been lost"
    assert sessions.look(second).renewed is None
    clock.pass_by(minutes=14, seconds=1)
    third = sessions.look(second).renewed
    assert third is not None
    assert sessions.look(third).principal == seen.principal


def test_a_cookie_that_was_copied_ends_the_session(
    sessions: BrowserSessions, anna: User, clock: Clock
) -> None:
    _, first = sessions.begin(anna, "::1", "a browser")
    clock.pass_by(minutes=15)
    second = sessions.look(first).renewed
    assert second is not None
    clock.pass_by(minutes=1)
    with pytest.raises(NotAuthenticated, match="copied"):
        sessions.look(first)
    with pytest.raises(NotAuthenticated, match="ended"):
        sessions.look(second)


def test_of_many_requests_at_once_one_renews(sessions: BrowserSessions, anna: User, clock: Clock) -> None:
    _, first = sessions.begin(anna, "::1", "a browser")
    clock.pass_by(minutes=15)
    renewed: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: renewed.append(sessions.look(first).renewed)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(renewed) == 6
    assert len({one for one in renewed if one is not None}) == 1, "all that bring one bring the same"


def test_a_session_from_a_provider_ends_however_busy_it_is(
    sessions: BrowserSessions, anna: User, clock: Clock
) -> None:
    _, cookie = sessions.begin(anna, "::1", "a browser", clock() + timedelta(hours=1))
    for _ in range(3):
        clock.pass_by(minutes=15)
        cookie = sessions.look(cookie).renewed or cookie
    clock.pass_by(minutes=14)
    sessions.look(cookie)
    clock.pass_by(minutes=1)
    with pytest.raises(NotAuthenticated, match="ended"):
        sessions.look(cookie)


def test_what_is_no_cookie_of_ours_stands_for_nobody(
    sessions: BrowserSessions, store: SqlAccessStore, anna: User, clock: Clock
) -> None:
    session_id, cookie = sessions.begin(anna, "::1", "a browser")
    refresh = SignIn(store, HOME, clock).begin_session(anna, "::1", "a program").refresh_token
    forged = [
        refresh,
        f"tfb_{session_id}_0_{'0' * 64}",
        cookie.replace("_0_", "_1_"),
        cookie + "x",
        "",
        "tfb_",
        "tfr" + cookie[3:],
    ]
    for one in [*forged, "x" * 10_000, f"tfb_{session_id}_-1_x", f"tfb_{session_id}_\u00b2_x"]:
        with pytest.raises(NotAuthenticated):
            sessions.look(one)
        sessions.end(one)
    assert sessions.look(cookie).principal.name == "anna"
    with pytest.raises(NotAuthenticated):
        SignIn(store, HOME, clock).refresh(cookie)
    with pytest.raises(NotAuthenticated):
        SignIn(store, HOME, clock).principal(cookie)
    sessions.end(cookie)
    with pytest.raises(NotAuthenticated, match="ended"):
        sessions.look(cookie)


def test_a_closed_account_has_no_cookies(
    sessions: BrowserSessions, store: SqlAccessStore, anna: User, clock: Clock
) -> None:
    _, cookie = sessions.begin(anna, "::1", "a browser")
    store.change_user(anna.id, {"disabled_at": clock()})
    with pytest.raises(NotAuthenticated, match="closed"):
        sessions.look(cookie)


@contextmanager
def signed_in(user: User, session_id: str | None, via: str = "session") -> Iterator[None]:
    token = caller.set(principal_of(user, {}, via=via, credential=session_id))
    yield
    caller.reset(token)


def give(codes: SignInCodes, anna: User, session_id: str) -> str:
    with signed_in(anna, session_id):
        return codes.give(challenge_of(VERIFIER), BACK)


def redeem(codes: SignInCodes, code: str, verifier: str = VERIFIER, back: str = BACK) -> Any:
    return codes.redeem(code, verifier, back, "::1", "a program")


def test_a_code_is_good_once(
    codes: SignInCodes, sessions: BrowserSessions, store: SqlAccessStore, anna: User, clock: Clock
) -> None:
    ends = clock() + timedelta(hours=1)
    session_id, _ = sessions.begin(anna, "::1", "a browser", ends)
    code = give(codes, anna, session_id)
    tokens = redeem(codes, code)
    who = SignIn(store, HOME, clock).principal(tokens.access_token)
    assert who.name == "anna"
    assert who.credential != session_id
    session = store.find_session(who.credential or "")
    assert session is not None
    assert session.ends_at == ends, "the program's session ends with the provider's word, too"
    with pytest.raises(NotAuthenticated, match="used already"):
        redeem(codes, code)


@pytest.mark.parametrize(
    "wrong",
    [
        {"verifier": "w" * 43},
        {"verifier": challenge_of(VERIFIER)},
        {"verifier": ""},
        {"back": "http://127.0.0.1:4712/signed-in"},
    ],
)
def test_a_code_is_used_up_by_whoever_cannot_use_it(
    codes: SignInCodes, sessions: BrowserSessions, anna: User, wrong: dict[str, str]
) -> None:
    code = give(codes, anna, sessions.begin(anna, "::1", "a browser")[0])
    with pytest.raises(NotAuthenticated):
        redeem(codes, code, **wrong)
    with pytest.raises(NotAuthenticated):
        redeem(codes, code)


def test_a_code_is_good_for_a_minute(
    codes: SignInCodes, sessions: BrowserSessions, anna: User, clock: Clock
) -> None:
    session_id, cookie = sessions.begin(anna, "::1", "a browser")
    late, early = give(codes, anna, session_id), give(codes, anna, session_id)
    clock.pass_by(seconds=59)
    redeem(codes, early)
    clock.pass_by(seconds=1)
    with pytest.raises(NotAuthenticated):
        redeem(codes, late)
    orphan = give(codes, anna, session_id)
    sessions.end(cookie)
    with pytest.raises(NotAuthenticated, match="signed out"):
        redeem(codes, orphan)


@pytest.mark.parametrize(
    "back",
    [
        "https://127.0.0.1:4711/", "http://127.0.0.1/", "http://localhost:4711/", "http://127.0.0.1:4711@evil.example/",
        "http://127.0.0.1:99999/", "http://127.0.0.1:4711/?x=1", "http://127.0.0.1:4711/#x", "http://127.0.0.2:4711/",
        "http://evil.example:4711/", "http://[::2]:4711/", "http://127.0.0.1:0/", "http://127.0.0.1:4711/\n", "",
        "javascript://127.0.0.1:4711/",
    ],
)  # fmt: skip
def test_a_code_goes_to_the_same_machine_only(codes: SignInCodes, anna: User, back: str) -> None:
    with signed_in(anna, "s-1"), pytest.raises(InvalidInput):
        codes.give(challenge_of(VERIFIER), back)


@pytest.mark.parametrize(("via", "session_id"), [("key", "k-1"), ("token", None)])
def test_a_key_does_not_become_a_session(
    codes: SignInCodes, anna: User, via: str, session_id: str | None
) -> None:
    with signed_in(anna, session_id, via), pytest.raises(NotPermitted, match="browser"):
        codes.give(challenge_of(VERIFIER), BACK)


def test_who_comes_from_a_provider_gets_an_account(store: SqlAccessStore, clock: Clock) -> None:
    anna = arrive(store, COMPANY, ANNA | {"email": "anna@example.org", "email_verified": True}, clock())
    assert (anna.name, anna.email, anna.role) == ("anna", "anna@example.org", None)
    assert store.memberships(anna.id) == {"vision": Role.USER}
    # The same person with another name and address, and in another group.
    again = arrive(store, COMPANY, ANNA | {"preferred_username": "annabel", "groups": ["heads"]}, clock())
    assert (again.id, again.name, again.email, again.role) == (
        anna.id,
        "anna",
        "anna@example.org",
        Role.ADMIN,
    )
    assert store.memberships(anna.id) == {}


def test_a_name_or_an_address_is_no_identity(store: SqlAccessStore, clock: Clock) -> None:
    local = User("u-1", "anna", clock(), "anna@example.org", Role.ADMIN)
    store.add_user(local)
    claims = ANNA | {"email": "anna@example.org", "email_verified": True}
    found = arrive(store, COMPANY, claims, clock())
    assert (found.name, found.role) == ("anna-2", None)
    assert found.id != local.id
    other = COMPANY.model_copy(update={"issuer": "https://id.example.com"})
    assert arrive(store, other, claims, clock()).name == "anna-3"
    assert arrive(store, COMPANY, {"sub": "r", "preferred_username": "root"}, clock()).name == "root-2"
    assert {principal_of(found, {}).name, ROOT.name} == {"anna-2", "root"}


def test_who_may_not_come_in_gets_no_account(store: SqlAccessStore, clock: Clock) -> None:
    closed = COMPANY.model_copy(update={"create_users": False})
    with pytest.raises(NotPermitted, match="--subject 42"):
        arrive(store, closed, ANNA, clock())
    strict = COMPANY.model_copy(update={"required_groups": ("heads",)})
    with pytest.raises(NotPermitted, match="groups: heads"):
        arrive(store, strict, ANNA, clock())
    with pytest.raises(NotPermitted, match="too many"):
        arrive(store, COMPANY, {"sub": "42", "_claim_names": {"groups": "x"}}, clock())
    assert store.users(10) == []


def test_a_closed_account_stays_closed_for_a_provider(store: SqlAccessStore, clock: Clock) -> None:
    anna = arrive(store, COMPANY, ANNA, clock())
    store.change_user(anna.id, {"disabled_at": clock()})
    with pytest.raises(NotAuthenticated, match="closed"):
        arrive(store, COMPANY, ANNA | {"groups": ["heads"]}, clock())
    assert store.memberships(anna.id) == {"vision": Role.USER}


def test_who_comes_twice_at_the_same_time_gets_one_account(store: SqlAccessStore, clock: Clock) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(arrive(store, COMPANY, ANNA, clock()).id))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(store.users(10)) == 1
