"""Browsers that come in with a key, the home's token, or a ticket of the command line, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.access.browser import BrowserSessions
from tensorfleet.access.codes import SignInCodes
from tensorfleet.access.current import caller
from tensorfleet.access.entering import Entrance, Entry
from tensorfleet.access.model import ROOT, SCRAPER, ApiKey, Permission, Principal, Role, User
from tensorfleet.access.service import AccessService
from tensorfleet.access.sign_in import Guard, SignIn
from tensorfleet.access.store import SqlAccessStore
from tensorfleet.access.tokens import new_key
from tensorfleet.adapters.database import Database
from tensorfleet.errors import Conflict, NotAuthenticated, NotFound, NotPermitted, TooManyRequests

HOME = "t" * 43
START = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Impatient(Guard):
    """Lets an address fail once."""

    names: list[str] = field(default_factory=list)

    def check(self, name: str, address: str) -> None:
        if self.names:
            raise TooManyRequests("too many", 1.0)

    def failed(self, name: str, address: str) -> None:
        self.names.append(name)


class World:
    def __init__(self, database: Database) -> None:
        self.now = START
        self.store = SqlAccessStore(database)
        self.guard: Guard = Guard()
        self.sign_in = SignIn(self.store, HOME, self.clock, scrape_token="scrape")
        self.sessions = BrowserSessions(self.store, HOME, self.clock)
        self.people = AccessService(self.store, HOME, self.clock)
        self.store.add_user(User("u-1", "anna", START, role=Role.USER))

    def clock(self) -> datetime:
        return self.now

    @property
    def entrance(self) -> Entrance:
        return Entrance(self.store, self.sign_in, self.clock, self.guard)

    def key(self, *scopes: Permission, workspace: str | None = None, hours: float | None = None) -> str:
        text, digest = new_key("k-1")
        ends = None if hours is None else START + timedelta(hours=hours)
        key = ApiKey("k-1", "u-1", "ci", digest, scopes or tuple(Permission), START, workspace, ends)
        self.store.add_key(key)
        return text

    def begin(self, entry: Entry) -> str:
        return self.sessions.begin(entry.user, "::1", "tests", entry.ends_at, entry.key_id)[1]

    def who(self, cookie: str) -> Principal:
        return self.sessions.look(cookie).principal


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@contextmanager
def acting(who: Principal) -> Iterator[None]:
    token = caller.set(who)
    yield
    caller.reset(token)


def ticket_of(world: World, who: Principal) -> str:
    with acting(who):
        return world.entrance.give_ticket()


def test_the_homes_token_is_its_owner(world: World) -> None:
    entry = world.entrance.by_token(HOME, "::1")
    who = world.who(world.begin(entry))
    assert (who.name, who.everywhere, who.via) == ("root", ROOT.everywhere, "session")
    assert world.entrance.principal(entry).everywhere == ROOT.everywhere
    again = world.who(world.begin(world.entrance.by_token(HOME, "::1")))
    assert again.id == who.id


def test_nobody_can_touch_the_owner_as_an_account(world: World) -> None:
    who = world.who(world.begin(world.entrance.by_token(HOME, "::1")))
    with acting(who):
        assert [user.name for user in world.people.users(10, "")] == ["anna"]
        with pytest.raises(NotFound):
            world.people.change_user("root", {"disabled": True})
        with pytest.raises(Conflict):
            world.people.create_key("of the owner")
        (mine,) = world.people.sessions()
        world.people.end_session(mine.id)
        assert world.people.sessions() == []
    with pytest.raises(NotAuthenticated):
        world.sign_in.prove("root", "", None, "::1")


def test_a_session_is_no_wider_than_its_key(world: World) -> None:
    text = world.key(Permission.JOBS_READ, Permission.PLATFORM_ADMIN, workspace="vision")
    entry = world.entrance.by_token(text, "::1")
    who = world.who(world.begin(entry))
    assert (dict(who.within), who.everywhere) == ({"vision": {Permission.JOBS_READ}}, frozenset())
    assert who.within == world.entrance.principal(entry).within
    with acting(who):
        with pytest.raises(NotPermitted, match="keys are managed with a session"):
            world.people.create_key("a wider one")
        with pytest.raises(NotPermitted, match="signed in with a browser"):
            SignInCodes(world.store, world.sign_in, world.clock).give("c" * 43, "http://127.0.0.1:1/x")
    again = world.entrance.by_ticket(ticket_of(world, who), "::1")
    assert (again.key_id, world.who(world.begin(again)).within) == ("k-1", who.within)


def test_a_session_ends_with_its_key(world: World) -> None:
    cookie = world.begin(world.entrance.by_token(world.key(hours=2), "::1"))
    world.now += timedelta(hours=1)
    assert world.who(cookie).name == "anna"
    world.now += timedelta(hours=1)
    with pytest.raises(NotAuthenticated):
        world.who(cookie)


def test_a_key_that_is_revoked_takes_its_sessions_along(world: World) -> None:
    text = world.key()
    cookie, ticket = (
        world.begin(world.entrance.by_token(text, "::1")),
        ticket_of(world, world.sign_in.principal(text)),
    )
    world.store.change_key("k-1", {"revoked_at": START})
    with pytest.raises(NotAuthenticated, match="the key"):
        world.who(cookie)
    with pytest.raises(NotAuthenticated, match="not valid any more"):
        world.entrance.by_ticket(ticket, "::1")


def test_a_ticket_is_good_once_and_for_a_minute(world: World) -> None:
    ticket = ticket_of(world, ROOT)
    world.now += timedelta(seconds=59)
    assert world.entrance.by_ticket(ticket, "::1").user.name == "root"
    late = ticket_of(world, ROOT)
    with pytest.raises(NotAuthenticated, match="used already"):
        world.entrance.by_ticket(ticket, "::1")
    world.now += timedelta(seconds=60)
    with pytest.raises(NotAuthenticated, match="older than a minute"):
        world.entrance.by_ticket(late, "::1")


def test_a_ticket_of_a_session_lives_no_longer_than_the_session(world: World) -> None:
    until = START + timedelta(hours=8)
    anna = world.store.find_user("u-1")
    assert anna is not None
    who = world.who(world.sessions.begin(anna, "::1", "tests", until)[1])
    entry = world.entrance.by_ticket(ticket_of(world, who), "::1")
    assert (entry.user.name, entry.ends_at) == ("anna", until)
    ticket = ticket_of(world, who)
    world.store.end_sessions(START, "signed out", session_id=who.credential)
    with pytest.raises(NotAuthenticated, match="not valid any more"):
        world.entrance.by_ticket(ticket, "::1")


def test_tickets_and_codes_of_programs_are_two_things(world: World) -> None:
    codes = SignInCodes(world.store, world.sign_in, world.clock)
    anna = world.store.find_user("u-1")
    assert anna is not None
    who = world.who(world.sessions.begin(anna, "::1", "tests")[1])
    with acting(who):
        code = codes.give("c" * 43, "http://127.0.0.1:1/x")
    with pytest.raises(NotAuthenticated):
        world.entrance.by_ticket(code, "::1")
    for back in ("browser", ""):
        with pytest.raises(NotAuthenticated):
            codes.redeem(ticket_of(world, who), "", back, "::1", "tests")


def test_who_guesses_is_slowed_down(world: World) -> None:
    world.guard = Impatient()
    with pytest.raises(NotAuthenticated):
        world.entrance.by_token("tfk_k-1_wrong", "::1")
    with pytest.raises(TooManyRequests):
        world.entrance.by_token(HOME, "::1")
    with pytest.raises(TooManyRequests):
        world.entrance.by_ticket("x", "::1")
    assert all("wrong" not in name for name in world.guard.names)


def test_a_token_for_metrics_is_no_person(world: World) -> None:
    with pytest.raises(NotPermitted, match="metrics"):
        world.entrance.by_token("scrape", "::1")
    with pytest.raises(NotPermitted, match="metrics"):
        ticket_of(world, SCRAPER)
