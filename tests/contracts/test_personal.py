"""What is known of people, sealed in every table, and gone for good when they are erased."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tensorfleet.access.model import Session, User
from tensorfleet.access.sealed_store import SealedAccessStore
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import audit, metadata, secrets, users
from tensorfleet.audit.model import Draft, Entry, derive_keys, verify
from tensorfleet.audit.ports import AuditFilter
from tensorfleet.audit.store import SqlAuditStore
from tensorfleet.gateway.personal import personal_fields, veil_of
from tensorfleet.secrets.envelope import KeyMissing

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TOKEN = "t" * 40
KEYS = derive_keys(TOKEN)
ANNA = User("u-000000000000anna", "anna", NOON, "anna@example.org")
ORDINARY = ("anna@example.org", "10.20.30.40", "firefox")


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.fields = personal_fields(database, TOKEN)
        self.access = SealedAccessStore(database, self.fields)
        self.veil = veil_of(self.access, self.fields)
        self.log = SqlAuditStore(database, self.veil.hidden)

    def happens(self, number: int, **fields: Any) -> None:
        self.log.append([Draft(f"a-{number}", number, "users.change", **fields)], KEYS)

    def entries(self) -> list[Entry]:
        return list(self.log.walk())

    def shown(self) -> list[Draft]:
        return self.veil.revealed([entry.draft for entry in self.entries()])

    def stored(self) -> str:
        """All that any table says."""
        with self.database.read() as connection:
            return str([connection.execute(select(table)).all() for table in metadata.sorted_tables])

    def verified(self) -> bool:
        return verify(self.log.walk(), KEYS).ok


@pytest.fixture
def world(database: Database) -> World:
    found = World(database)
    assert found.access.add_user(ANNA)
    found.access.add_session(Session("s-1", ANNA.id, 0, NOON, NOON, NOON, client="10.20.30.40 firefox"))
    found.happens(
        1, actor_id=ANNA.id, actor_name="anna", source="10.20.30.40", target_kind="job", target="j-1"
    )
    about = {
        "target_kind": "user",
        "target": "anna",
        "before": '{"email": "anna@example.org"}',
        "after": "{}",
    }
    found.happens(2, actor_id="root", actor_name="root", source="127.0.0.1", **about)
    found.happens(3, source="10.20.30.40", target_kind="user", target="anna", outcome=401)
    return found


def test_people_are_sealed_and_read_by_who_may(world: World) -> None:
    assert not [one for one in ORDINARY if one in world.stored()]
    assert world.access.find_user(ANNA.id) == ANNA
    assert world.access.find_user_by_name("anna") == ANNA
    assert list(world.access.users(10)) == [ANNA]
    assert world.access.sessions(ANNA.id)[0].client == "10.20.30.40 firefox"
    world.access.change_user(ANNA.id, {"email": "new@example.org"})
    changed = world.access.find_user(ANNA.id)
    assert changed is not None
    assert changed.email == "new@example.org"
    assert "new@example.org" not in world.stored()
    world.access.change_user(ANNA.id, {"email": None})
    assert (world.access.find_user(ANNA.id) or ANNA).email is None


def test_the_log_shows_them_and_holds(world: World) -> None:
    first, second, third = world.shown()
    assert (first.actor_name, first.source, first.target) == ("anna", "10.20.30.40", "j-1")
    assert (second.actor_name, second.source, second.target) == ("root", "127.0.0.1", "anna")
    assert second.before == '{"email": "anna@example.org"}'
    assert (third.source, third.target) == ("10.20.30.40", "anna")
    assert [entry.draft.subject for entry in world.entries()] == [None, ANNA.id, ANNA.id]
    assert world.verified()
    found = world.log.page(AuditFilter(target="anna", subject=world.veil.person_of("anna")), 10, None)
    assert [entry.seq for entry in found] == [3, 2]


def test_who_is_erased_is_gone_everywhere_and_the_chain_holds(world: World) -> None:
    row = {
        "workspace": "w",
        "name": "s",
        "version": 1,
        "sealed": "x",
        "key": "k",
        "created_at": NOON,
        "updated_at": NOON,
    }
    with world.database.begin() as connection:
        connection.execute(insert(secrets).values(**row, created_by="anna", updated_by="bob"))
    before = [entry.hash for entry in world.entries()]
    world.access.delete_user(ANNA.id)
    assert world.veil.person_of("anna") == ANNA.id, "also when the account is gone"
    assert world.shown()[0].actor_name == "anna"
    assert world.fields.erase(ANNA.id, "anna")
    assert not world.fields.erase(ANNA.id, "anna"), "once"
    world.happens(4, actor_id=ANNA.id, actor_name="anna", source="10.20.30.40")

    assert "anna" not in world.stored().replace(ANNA.id, "")
    assert not [one for one in ORDINARY if one in world.stored()]
    assert [draft.actor_name for draft in world.shown()] == [None, "root", None, None]
    assert [draft.actor_id for draft in world.shown()] == [ANNA.id, "root", None, ANNA.id]
    assert world.veil.person_of("anna") is None
    assert [entry.hash for entry in world.entries()][:3] == before
    assert world.verified()
    fresh = World(world.database)  # another process, which remembers no key
    assert fresh.shown() == world.shown()
    with world.database.read() as connection:
        assert connection.execute(select(secrets.c.created_by, secrets.c.updated_by)).one() == (
            ANNA.id,
            "bob",
        )


@pytest.mark.parametrize("column", ["personal", "subject"])
def test_what_is_sealed_cannot_be_changed_unseen(world: World, column: str) -> None:
    for value in (None, "{}", "u-other"):
        with world.database.begin() as connection:
            kept = connection.execute(select(audit.c[column]).where(audit.c.seq == 2)).scalar_one()
            connection.execute(update(audit).where(audit.c.seq == 2).values({column: value}))
        assert not world.verified(), (column, value)
        world.shown()  # whatever stands there, it can be read
        with world.database.begin() as connection:
            connection.execute(update(audit).where(audit.c.seq == 2).values({column: kept}))
    assert world.verified()


def test_a_sealed_text_is_read_at_its_place_only(world: World) -> None:
    sealed = world.fields.hide(ANNA.id, "user/1", {"email": "x"})
    assert sealed is not None
    assert world.fields.reveal(ANNA.id, "user/1", sealed) == {"email": "x"}
    assert world.fields.reveal(ANNA.id, "user/2", sealed) == {}
    assert world.fields.reveal("u-other", "user/1", sealed) == {}
    assert world.fields.reveal(ANNA.id, "user/1", "p1.AAAA") == {}
    assert world.fields.reveal(ANNA.id, "user/1", "plain") == {}


def test_entries_of_earlier_versions_hash_as_they_did(database: Database) -> None:
    old = SqlAuditStore(database)
    old.append([Draft("a-1", 1, "jobs.submit", actor_id="u-1", actor_name="anna")], KEYS)
    stored = asdict(next(iter(old.walk())).draft)
    assert stored["personal"] is None
    # Worked out by the version before there were these fields.
    assert next(iter(old.walk())).hash == _hash_of_before()


def _hash_of_before() -> str:
    import hashlib
    import hmac
    import json

    names = (
        "id", "at", "action", "actor_id", "actor_name", "via", "credential", "source", "target_kind", "target",
        "workspace", "outcome", "count", "before", "after", "trace_id",
    )  # fmt: skip
    said: dict[str, Any] = dict.fromkeys(names)
    said |= {
        "id": "a-1",
        "at": 1,
        "action": "jobs.submit",
        "actor_id": "u-1",
        "actor_name": "anna",
        "count": 1,
    }
    genesis = hashlib.sha256(b"tensorfleet audit log 1").hexdigest()
    text_ = json.dumps([1, said], sort_keys=True, separators=(",", ":"))
    return hmac.digest(KEYS.chain, f"{genesis}\n{text_}".encode(), "sha256").hex()


def test_addresses_of_earlier_versions_are_read_and_sealed_when_written(world: World) -> None:
    with world.database.begin() as connection:
        connection.execute(update(users).values(email="old@example.org", personal=None))
    found = world.access.find_user(ANNA.id)
    assert found is not None
    assert found.email == "old@example.org"
    world.access.change_user(ANNA.id, {"email": "old@example.org"})
    assert "old@example.org" not in world.stored()


def test_two_gateways_make_one_key(world: World) -> None:
    other = World(world.database)
    first = world.fields.hide("u-1", "x", {"a": "b"})
    second = other.fields.hide("u-1", "x", {"a": "c"})
    assert first is not None
    assert second is not None
    assert other.fields.reveal("u-1", "x", first) == {"a": "b"}
    assert world.fields.reveal("u-1", "x", second) == {"a": "c"}
    with pytest.raises(KeyMissing):
        personal_fields(world.database, "o" * 40).reveal("u-1", "x", first)
