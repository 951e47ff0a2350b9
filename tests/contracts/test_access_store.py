"""Users, workspaces, keys and sessions: kept alike on every database, and what signing in makes of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from tensorfleet.access.current import caller
from tensorfleet.access.model import ROOT, Identity, Permission, Principal, Role, Session, User, Workspace
from tensorfleet.access.service import AccessService
from tensorfleet.access.sign_in import SESSION_LIFETIME, Remembered, SignIn
from tensorfleet.access.store import SqlAccessStore
from tensorfleet.adapters.database import Database
from tensorfleet.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, NotPermitted

HOME = "t" * 43
PASSWORD = "correct horse"
IDENTITY = Identity("https://id", "42")


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def store(database: Database) -> SqlAccessStore:
    return SqlAccessStore(database)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sign_in(store: SqlAccessStore, clock: Clock) -> SignIn:
    return SignIn(store, HOME, clock)


@pytest.fixture
def people(store: SqlAccessStore, clock: Clock) -> Iterator[AccessService]:
    """As the owner of the home sees them."""
    token = caller.set(ROOT)
    yield AccessService(store, HOME, clock)
    caller.reset(token)


def enter(
    sign_in: SignIn, name: str = "anna", password: str = PASSWORD, code: str | None = None
) -> Principal:
    tokens = sign_in.by_password(name, password, code, "127.0.0.1", "tests")
    return sign_in.principal(tokens.access_token)


def acting(who: Principal) -> None:
    caller.set(who)


# ---- what is kept


def test_users_are_kept_by_name(store: SqlAccessStore, clock: Clock) -> None:
    for name in ("clara", "anna", "berta"):
        assert store.add_user(User(f"u-{name}", name, clock(), role=Role.USER if name == "anna" else None))
    assert not store.add_user(User("u-other", "anna", clock()))
    assert [user.name for user in store.users(2)] == ["anna", "berta"]
    assert [user.name for user in store.users(2, "berta")] == ["clara"]
    anna = store.find_user_by_name("anna")
    assert anna is not None
    assert (anna.id, anna.role, anna.created_at) == ("u-anna", Role.USER, clock())
    assert store.change_user("u-anna", {"email": "a@example.org"})
    assert not store.change_user("u-nobody", {"email": "a@example.org"})
    assert store.find_user("u-nobody") is None


def test_a_user_goes_with_all_that_is_its_own(
    people: AccessService, store: SqlAccessStore, clock: Clock
) -> None:
    anna = people.create_user("anna")
    people.create_workspace("team", None)
    people.set_member("team", "anna", Role.USER)
    key, _ = people.create_key("ci", user="anna")
    store.add_session(Session("s-1", anna.id, 0, clock(), clock(), clock() + SESSION_LIFETIME))
    assert store.add_identity(IDENTITY, anna.id, clock())
    found = store.find_user_of(IDENTITY)
    assert found is not None
    assert found.id == anna.id
    people.delete_user("anna")
    assert store.find_key(key.id) is None
    assert store.find_session("s-1") is None
    assert store.find_user_of(IDENTITY) is None
    assert store.members("team") == []


def test_a_user_and_an_identity_come_to_be_together(store: SqlAccessStore, clock: Clock) -> None:
    assert store.add_user_of(IDENTITY, User("u-1", "anna", clock()))
    assert not store.add_user_of(IDENTITY, User("u-2", "anna-2", clock())), "it stands for somebody already"
    assert store.find_user_by_name("anna-2") is None
    other = Identity("https://id", "43")
    assert not store.add_user_of(other, User("u-3", "anna", clock())), "the name is taken"
    assert store.find_user_of(other) is None
    assert not store.add_identity(IDENTITY, "u-1", clock())


def test_what_a_provider_gave_it_takes_back(store: SqlAccessStore, clock: Clock) -> None:
    store.add_user(User("u-1", "anna", clock()))
    for name in ("mine", "theirs"):
        store.add_workspace(Workspace(name, clock()))
    store.set_member("mine", "u-1", Role.ADMIN, "person")
    store.set_provided("u-1", Role.VIEWER, {"theirs": Role.USER, "mine": Role.VIEWER}, clock())
    assert store.memberships("u-1") == {"mine": Role.ADMIN, "theirs": Role.USER}
    assert [(role, given_by) for _, role, given_by in store.members("theirs")] == [(Role.USER, "provider")]
    assert [(role, given_by) for _, role, given_by in store.members("mine")] == [(Role.ADMIN, "person")]
    assert role_of(store) == (Role.VIEWER, "provider")
    store.set_provided("u-1", None, {"new": Role.USER}, clock())
    assert store.memberships("u-1") == {"mine": Role.ADMIN, "new": Role.USER}
    assert store.find_workspace("new") is not None, "made as it is needed"
    assert role_of(store) == (None, None)


def test_a_role_that_a_person_gave_no_provider_takes(
    store: SqlAccessStore, people: AccessService, clock: Clock
) -> None:
    store.add_user(User("u-1", "anna", clock()))
    store.set_provided("u-1", Role.VIEWER, {}, clock())
    people.change_user("anna", {"role": Role.ADMIN})
    store.set_provided("u-1", Role.VIEWER, {}, clock())
    assert role_of(store) == (Role.ADMIN, "person")
    people.change_user("anna", {"role": None})
    store.set_provided("u-1", Role.VIEWER, {}, clock())
    assert role_of(store) == (Role.VIEWER, "provider")


def role_of(store: SqlAccessStore) -> tuple[Role | None, str | None]:
    user = store.find_user("u-1")
    assert user is not None
    return user.role, user.role_given_by


def test_a_refresh_token_is_good_for_one_of_two_at_the_same_time(store: SqlAccessStore, clock: Clock) -> None:
    store.add_user(User("u-1", "anna", clock()))
    store.add_session(Session("s-1", "u-1", 0, clock(), clock(), clock() + SESSION_LIFETIME))
    won: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: won.append(store.advance("s-1", 0, clock(), clock() + SESSION_LIFETIME))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]


def test_a_workspace_with_work_in_it_stays(people: AccessService, database: Database) -> None:
    from sqlalchemy import insert

    from tensorfleet.adapters.schema import datasets

    people.create_workspace("team", None)
    row = {"name": "wine", "workspace": "team", "created_at": datetime.now(UTC)}
    with database.begin() as connection:
        connection.execute(insert(datasets).values(**row))
    with pytest.raises(Conflict, match="datasets"):
        people.delete_workspace("team")
    people.create_workspace("empty", None)
    people.delete_workspace("empty")
    with pytest.raises(NotFound):
        people.delete_workspace("empty")


def test_roles_are_given_in_workspaces_that_there_are(people: AccessService) -> None:
    people.create_user("anna")
    for call in (lambda: people.set_member("tema", "anna", Role.USER), lambda: people.members("tema")):
        with pytest.raises(NotFound, match="no workspace 'tema'"):
            call()


def test_the_default_workspace_is_there_from_the_beginning_and_stays(people: AccessService) -> None:
    people.create_user("anna")
    assert people.members("default") == []
    people.set_member("default", "anna", Role.USER)
    assert [user.name for user, _, _ in people.members("default")] == ["anna"]
    with pytest.raises(Conflict, match="stays"):
        people.delete_workspace("default")


# ---- signing in


def test_signing_in_and_out(
    people: AccessService, sign_in: SignIn, store: SqlAccessStore, clock: Clock
) -> None:
    people.create_user("Anna ", PASSWORD)
    people.create_workspace("team", None)
    people.set_member("team", "anna", Role.USER)
    who = enter(sign_in, " ANNA")
    assert (who.name, who.via) == ("anna", "session")
    assert who.may(Permission.JOBS_WRITE, "team")
    assert not who.may(Permission.JOBS_READ, "other")
    clock.pass_by(minutes=14)
    tokens = sign_in.by_password("anna", PASSWORD, None, "127.0.0.1", "tests")
    session = sign_in.principal(tokens.access_token).credential
    assert session is not None
    sign_in.end(session)
    for use in (
        lambda: sign_in.principal(tokens.access_token),
        lambda: sign_in.refresh(tokens.refresh_token),
    ):
        with pytest.raises(NotAuthenticated):
            use()
    user = store.find_user_by_name("anna")
    assert user is not None
    assert user.last_login_at == clock()


def test_a_wrong_password_a_wrong_name_and_a_closed_account_look_alike(
    people: AccessService, sign_in: SignIn
) -> None:
    people.create_user("anna", PASSWORD)
    people.create_user("berta", PASSWORD)
    people.create_user("robot", is_service=True)
    people.create_user("guest")
    people.change_user("berta", {"disabled": True})
    told = set()
    for name, password in (
        ("anna", "wrong"),
        ("nobody", PASSWORD),
        ("berta", PASSWORD),
        ("robot", ""),
        ("guest", ""),
    ):
        with pytest.raises(NotAuthenticated) as refused:
            enter(sign_in, name, password)
        told.add(str(refused.value))
    assert len(told) == 1


def test_a_refresh_token_that_is_used_twice_ends_the_session(people: AccessService, sign_in: SignIn) -> None:
    people.create_user("anna", PASSWORD)
    first = sign_in.by_password("anna", PASSWORD, None, "127.0.0.1", "tests")
    second = sign_in.refresh(first.refresh_token)
    third = sign_in.refresh(second.refresh_token)
    assert sign_in.principal(third.access_token).name == "anna"
    with pytest.raises(NotAuthenticated, match="used twice"):
        sign_in.refresh(second.refresh_token)
    for use in (lambda: sign_in.refresh(third.refresh_token), lambda: sign_in.principal(third.access_token)):
        with pytest.raises(NotAuthenticated):
            use()


def test_a_session_ends_when_it_is_not_refreshed(
    people: AccessService, sign_in: SignIn, clock: Clock
) -> None:
    people.create_user("anna", PASSWORD)
    tokens = sign_in.by_password("anna", PASSWORD, None, "127.0.0.1", "tests")
    clock.pass_by(days=29)
    tokens = sign_in.refresh(tokens.refresh_token)
    clock.pass_by(days=31)
    with pytest.raises(NotAuthenticated):
        sign_in.refresh(tokens.refresh_token)


def test_a_second_factor_is_asked_for_and_each_code_is_good_once(
    people: AccessService, sign_in: SignIn, clock: Clock, store: SqlAccessStore
) -> None:
    people.create_user("anna", PASSWORD)
    acting(enter(sign_in))
    secret, uri = people.new_code_secret()
    assert "anna" in uri
    enter(sign_in), "a secret that was not confirmed asks for nothing"
    with pytest.raises(InvalidInput):
        people.confirm_code_secret(secret, "000000")
    people.confirm_code_secret(secret, pyotp.TOTP(secret).at(clock()))
    kept = store.find_user_by_name("anna")
    assert kept is not None
    assert secret not in (kept.totp_secret or "")
    with pytest.raises(NotAuthenticated, match="second factor"):
        enter(sign_in)
    with pytest.raises(NotAuthenticated, match="used already"):
        enter(sign_in, code=pyotp.TOTP(secret).at(clock()))
    clock.pass_by(seconds=30)
    code = pyotp.TOTP(secret).at(clock())
    assert enter(sign_in, code=code).name == "anna"
    with pytest.raises(NotAuthenticated, match="used already"):
        enter(sign_in, code=code)
    acting(ROOT)
    people.change_user("anna", {"reset_code": True})
    enter(sign_in)


# ---- keys


def test_a_key_does_what_both_it_and_its_user_may(
    people: AccessService, sign_in: SignIn, clock: Clock
) -> None:
    people.create_user("robot", is_service=True, role=Role.SERVICE)
    _, text = people.create_key("ci", user="robot", scopes=[Permission.JOBS_READ, Permission.PLATFORM_ADMIN])
    who = sign_in.principal(text)
    assert (who.name, who.via) == ("robot", "key")
    assert who.may(Permission.JOBS_READ, "any")
    assert not who.may(Permission.JOBS_WRITE, "any")
    assert not who.may(Permission.PLATFORM_ADMIN)
    people.change_user("robot", {"role": None})
    assert not sign_in.principal(text).may(Permission.JOBS_READ, "any")


def test_a_key_ends(people: AccessService, sign_in: SignIn, clock: Clock, store: SqlAccessStore) -> None:
    people.create_user("robot", is_service=True, role=Role.SERVICE)
    soon, text = people.create_key("a", user="robot", expires_at=clock() + timedelta(hours=1))
    revoked, other = people.create_key("b", user="robot")
    assert sign_in.principal(text).credential == soon.id
    used = store.find_key(soon.id)
    assert used is not None
    assert used.last_used_at == clock()
    clock.pass_by(hours=1)
    with pytest.raises(NotAuthenticated, match="expired"):
        sign_in.principal(text)
    people.revoke_key(revoked.id)
    with pytest.raises(NotAuthenticated, match="revoked"):
        sign_in.principal(other)
    with pytest.raises(NotAuthenticated):
        sign_in.principal(other.replace(revoked.id, soon.id))
    for wrong in (clock() - timedelta(seconds=1), clock() + timedelta(days=4000)):
        with pytest.raises(InvalidInput, match="expires_at"):
            people.create_key("c", user="robot", expires_at=wrong)


def test_a_user_manages_own_keys_and_no_others(people: AccessService, sign_in: SignIn) -> None:
    people.create_user("anna", PASSWORD)
    people.create_user("berta", PASSWORD)
    bertas, _ = people.create_key("hers", user="berta")
    acting(enter(sign_in))
    mine, text = people.create_key("mine")
    assert [key.id for key in people.keys_of()] == [mine.id]
    for use in (
        lambda: people.keys_of("berta"),
        lambda: people.create_key("x", user="berta"),
        lambda: people.create_user("clara"),
        lambda: people.users(10, ""),
        lambda: people.user("berta"),
        lambda: people.change_user("anna", {"role": Role.ADMIN}),
        lambda: people.delete_user("berta"),
        lambda: people.create_workspace("mine", None),
    ):
        with pytest.raises(NotPermitted):
            use()
    with pytest.raises(NotFound):
        people.revoke_key(bertas.id)
    assert people.user("anna").name == "anna"
    acting(sign_in.principal(text))
    with pytest.raises(NotPermitted, match="session"):
        people.create_key("a wider one")


def test_an_administrator_of_a_workspace_decides_who_is_in_it(people: AccessService, sign_in: SignIn) -> None:
    for name in ("anna", "berta"):
        people.create_user(name, PASSWORD)
    people.create_workspace("team", None)
    people.set_member("team", "anna", Role.ADMIN)
    people.create_workspace("other", "of others")
    acting(enter(sign_in))
    people.set_member("team", "berta", Role.VIEWER)
    assert [(user.name, role) for user, role, _ in people.members("team")] == [
        ("anna", Role.ADMIN),
        ("berta", Role.VIEWER),
    ]
    assert [workspace.name for workspace in people.workspaces(10, "")] == ["team"]
    with pytest.raises(NotFound, match="'other'"):
        people.set_member("other", "anna", Role.ADMIN)
    acting(enter(sign_in, "berta"))
    with pytest.raises(NotPermitted):
        people.set_member("team", "berta", Role.ADMIN)


def test_a_changed_password_ends_the_other_sessions(people: AccessService, sign_in: SignIn) -> None:
    people.create_user("anna", PASSWORD)
    other = sign_in.by_password("anna", PASSWORD, None, "127.0.0.1", "tests")
    acting(enter(sign_in))
    with pytest.raises(NotPermitted, match="old password"):
        people.change_own_password("wrong", "battery staple")
    people.change_own_password(PASSWORD, "battery staple")
    assert len(people.sessions()) == 1
    with pytest.raises(NotAuthenticated):
        sign_in.principal(other.access_token)
    with pytest.raises(NotAuthenticated):
        enter(sign_in)
    assert enter(sign_in, password="battery staple").name == "anna"


def test_a_user_that_is_closed_is_out_at_once(people: AccessService, sign_in: SignIn) -> None:
    people.create_user("anna", PASSWORD)
    _, key = people.create_key("k", user="anna")
    tokens = sign_in.by_password("anna", PASSWORD, None, "127.0.0.1", "tests")
    people.change_user("anna", {"disabled": True})
    for token in (key, tokens.access_token):
        with pytest.raises(NotAuthenticated):
            sign_in.principal(token)


@pytest.mark.parametrize("name", ["", "root", "a b", "Ä", "-x", "x" * 101, "../x", "a\nb"])
def test_names_that_nobody_can_have(people: AccessService, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        people.create_user(name)


def test_the_home_s_token_is_its_owner(sign_in: SignIn) -> None:
    assert sign_in.principal(HOME) is ROOT
    for wrong in (HOME[:-1], HOME + "t", "", "x" * 5000):
        with pytest.raises(NotAuthenticated):
            sign_in.principal(wrong)


def test_what_is_remembered_is_forgotten_after_a_second_and_after_a_change(
    people: AccessService, sign_in: SignIn
) -> None:
    asked: list[str] = []
    time = [0.0]

    def look_up(token: str) -> Principal:
        asked.append(token)
        return sign_in.principal(token)

    known = Remembered(look_up, lambda: time[0])
    assert known.find(HOME) is None
    assert known.look_up(HOME) is ROOT
    assert known.find(HOME) is ROOT
    time[0] = 1.1
    assert known.find(HOME) is None
    known.look_up(HOME)
    known.forget()
    assert known.find(HOME) is None
    assert asked == [HOME, HOME]
