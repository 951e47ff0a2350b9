"""The audit log's chain on each database: one end, whoever appends, and every change of a row is found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import audit
from tensorfleet.audit import store as store_module
from tensorfleet.audit.model import Anchor, Draft, Verdict, anchor_of, change_of, derive_keys, verify
from tensorfleet.audit.ports import AuditFilter
from tensorfleet.audit.store import SqlAuditStore

KEYS = derive_keys("token")
FULL = Draft(
    "a-0", 1_700_000_000_000_001, "jobs.submit", "u-1", "ada", "key", "k-1", "10.0.0.1", "job", "j-1", "lab", 201, 1,
    change_of({"status": "queued", "note": "ä\u2028"}), change_of({"f": 0.1, "n": None}), "0" * 32,
)  # fmt: skip


@pytest.fixture
def store(database: Database) -> SqlAuditStore:
    return SqlAuditStore(database)


def drafts(count: int, prefix: str = "a", **fields: Any) -> list[Draft]:
    return [
        replace(FULL, id=f"{prefix}-{number}", **{"at": FULL.at + number, **fields})
        for number in range(count)
    ]


def verdict(store: SqlAuditStore, *anchors: Anchor) -> Verdict:
    return verify(store.walk(), KEYS, anchors, store.checkpoint())


def test_entries_come_back_as_they_were_written(store: SqlAuditStore) -> None:
    bare = Draft("a-1", 0, "fleet.scale")
    last = store.append([FULL, bare], KEYS)
    found = list(store.walk())
    assert [entry.draft for entry in found] == [FULL, bare]
    assert last == found[-1]
    assert verdict(store).ok


def test_an_id_gets_one_entry(store: SqlAuditStore) -> None:
    store.append(drafts(3), KEYS)
    last = store.append([*drafts(5), *drafts(5)], KEYS)
    assert [entry.draft.id for entry in store.walk()] == [f"a-{number}" for number in range(5)]
    assert last is not None
    assert last.seq == 5
    assert store.append([], KEYS) == last
    assert verdict(store).ok


def test_several_writers_make_one_chain(database: Database, database_url: str) -> None:
    databases = [database, Database(database_url), Database(database_url)]
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for call in range(20):
                SqlAuditStore(databases[number]).append(drafts(3, f"w{number}-{call}"), KEYS)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for opened in databases[1:]:
        opened.close()
    assert failed == []
    found = verdict(SqlAuditStore(database))
    assert (found.ok, found.entries) == (True, 180)


def test_it_is_walked_in_pages_up_to_where_it_was(
    store: SqlAuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PAGE", 3)
    store.append(drafts(7), KEYS)
    walk = store.walk()
    first = next(walk)
    store.append(drafts(2, "later"), KEYS)
    assert [entry.seq for entry in [first, *walk]] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry.seq for entry in store.walk()] == list(range(1, 10))


def test_filters_and_pages(store: SqlAuditStore) -> None:
    others = {
        "actor_id": "u-2",
        "actor_name": "grace",
        "action": "jobs.cancel",
        "target": "j-2",
        "workspace": None,
    }
    store.append([*drafts(3), *drafts(2, "b", **others), *drafts(1, "c", action="jobsx.do")], KEYS)

    def found(**wanted: Any) -> list[str]:
        page = store.page(AuditFilter(**wanted), 10, None)
        assert page == list(store.walk(AuditFilter(**wanted)))[::-1]
        return [entry.draft.id for entry in page]

    assert found() == ["c-0", "b-1", "b-0", "a-2", "a-1", "a-0"]
    assert found(actor="u-2") == found(actor="grace") == found(target="j-2") == ["b-1", "b-0"]
    assert found(action="jobs.cancel") == ["b-1", "b-0"]
    assert found(action="jobs") == ["b-1", "b-0", "a-2", "a-1", "a-0"]
    assert found(action="jobs%") == found(actor="' OR 1=1") == []
    assert found(workspaces=("lab", "other")) == ["c-0", "a-2", "a-1", "a-0"]
    assert found(workspaces=()) == []
    assert found(begin=FULL.at + 1, end=FULL.at + 2) == ["b-1", "a-1"]
    assert [entry.seq for entry in store.page(AuditFilter(), 2, 4)] == [3, 2]


def alter(column: str, value: Any) -> Callable[[Connection], Any]:
    return lambda connection: connection.execute(
        update(audit).where(audit.c.seq == 3).values({column: value})
    )


def take_away(*places: int) -> Callable[[Connection], Any]:
    return lambda connection: connection.execute(delete(audit).where(audit.c.seq.in_(places)))


def swap(connection: Connection) -> None:
    for was, becomes in ((3, 99), (4, 3), (99, 4)):
        connection.execute(update(audit).where(audit.c.seq == was).values(seq=becomes))


def put_in(connection: Connection) -> None:
    """A copy of an entry, under an id of its own, at the end."""
    row = dict(connection.execute(select(audit).where(audit.c.seq == 3)).one()._mapping)
    connection.execute(insert(audit).values(**{**row, "seq": 7, "id": "a-new"}))


ALTERED = {
    "id": "a-x", "at": 5, "action": "jobs.cancel", "actor_id": None, "actor_name": "eve", "via": "token", "credential": "k-2",
    "source": "10.0.0.2", "target_kind": "model", "target": "j-2", "workspace": "other", "outcome": 403, "count": 2,
    "before": "{}", "after": None, "trace_id": "1" * 32, "hash": "0" * 64, "seq": 30,
    "subject": "u-x", "personal": "{}",
}  # fmt: skip


def test_every_column_can_be_altered_in_the_test_below() -> None:
    assert set(ALTERED) == set(audit.c.keys())


CHANGES: dict[str, tuple[Callable[[Connection], Any], int]] = {
    **{column: (alter(column, value), 3) for column, value in ALTERED.items()},
    "the first": (take_away(1), 1),
    "one": (take_away(3), 3),
    "the last": (take_away(6), 6),
    "the end": (take_away(4, 5, 6), 4),
    "the begin": (take_away(1, 2, 3), 1),
    "all": (take_away(1, 2, 3, 4, 5, 6), 1),
    "two swapped": (swap, 3),
    "one more": (put_in, 7),
}


def test_what_is_done_to_a_row_is_found(database: Database, store: SqlAuditStore) -> None:
    last = store.append(drafts(6), KEYS)
    assert last is not None
    anchor = anchor_of(last, 0, KEYS)
    with database.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(audit))]
    for name, (change, first_bad) in CHANGES.items():
        assert verdict(store, anchor).ok
        with database.begin() as connection:
            change(connection)
        found = verdict(store, anchor)
        assert found.problem is not None, name
        assert found.problem.seq == first_bad, name
        # The log goes on all the same: what happens from now on is not lost because somebody broke what was.
        assert store.append(drafts(1, "b"), KEYS) is not None
        assert not verdict(store, anchor).ok, name
        with database.begin() as connection:
            connection.execute(delete(audit))
            connection.execute(insert(audit), rows)


def test_what_is_old_is_dropped_from_the_front_and_the_rest_verifies(
    store: SqlAuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MOST_DROPPED", 4)
    store.append(drafts(10), KEYS)
    old = FULL.at + 7
    assert [store.drop_before(old, old + 100 + n, KEYS) for n in range(3)] == [4, 3, 0]
    found = verdict(store)
    assert found.ok
    assert (found.first, found.entries) == (8, 5)
    assert [entry.draft.id for entry in store.walk()][:3] == ["a-7", "a-8", "a-9"]
    assert verify(list(store.walk())[1:], KEYS, (), store.checkpoint()).problem is not None


def test_a_young_entry_keeps_the_older_ones_behind_it(store: SqlAuditStore) -> None:
    young, *others = drafts(4)
    store.append([replace(young, at=FULL.at + 1000), *others], KEYS)
    assert store.drop_before(FULL.at + 500, 0, KEYS) == 0


def test_the_last_entry_stays(store: SqlAuditStore) -> None:
    assert store.drop_before(FULL.at, 0, KEYS) == 0
    store.append(drafts(3), KEYS)
    assert store.drop_before(FULL.at + 1000, FULL.at + 2000, KEYS) == 2
    assert [entry.draft.action for entry in store.walk()] == ["jobs.submit", "audit.drop"]
    assert verdict(store).ok
