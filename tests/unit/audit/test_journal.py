"""The way into the chain: in order, once, through a store that is away, and over the death of a process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata
from tensorfleet.audit import journal as journal_module
from tensorfleet.audit.journal import Journal
from tensorfleet.audit.model import Draft, Entry, Keys, derive_keys, verify
from tensorfleet.audit.spool import Spool
from tensorfleet.audit.store import SqlAuditStore
from tensorfleet.errors import Unavailable

KEYS = derive_keys("token")


class Away(SqlAuditStore):
    """A store that can be away, also after it has written."""

    away = threading.Event()
    forgets_to_say = False

    def append(self, drafts: Sequence[Draft], keys: Keys) -> Entry | None:
        if self.away.is_set():
            raise Unavailable("the store is away")
        last = super().append(drafts, keys)
        if self.forgets_to_say:
            self.forgets_to_say = False
            raise Unavailable("the connection broke after the commit")
        return last


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Away]:
    database = Database(f"sqlite:///{tmp_path / 'audit.db'}")
    with database.begin() as connection:
        metadata.tables["audit"].create(connection)
    found = Away(database)
    found.away = threading.Event()
    yield found
    database.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "TICK_S", 0.02)
    monkeypatch.setattr(journal_module, "LINGER_S", 0.001)


@pytest.fixture
def journal(store: Away, tmp_path: Path) -> Iterator[Journal]:
    made = Journal(store, Spool(tmp_path / "spool"), KEYS, lambda last: None)
    made.start()
    yield made
    made.close()


def draft(name: str) -> Draft:
    return Draft(f"a-{name}", 1, "jobs.submit")


def ids(store: SqlAuditStore) -> list[str]:
    found = list(store.walk())
    assert verify(found, KEYS).ok
    return [entry.draft.id for entry in found]


def test_entries_come_in_the_order_in_which_they_ended(store: Away, journal: Journal) -> None:
    first, second = journal.begin(draft("1")), journal.begin(draft("2"))
    journal.end(second, replace(draft("2"), outcome=200))
    journal.end(first, replace(draft("1"), outcome=201))
    assert journal.settle(10)
    assert ids(store) == ["a-2", "a-1"]
    assert [entry.draft.outcome for entry in store.walk()] == [200, 201]


def test_what_was_dropped_gets_no_entry(store: Away, journal: Journal) -> None:
    journal.drop(journal.begin(draft("1")))
    journal.add(draft("2"))
    assert journal.settle(10)
    assert ids(store) == ["a-2"]


def test_many_threads_lose_and_double_nothing(store: Away, journal: Journal) -> None:
    def work(number: int) -> None:
        for call in range(50):
            journal.end(journal.begin(draft(f"{number}-{call}")), draft(f"{number}-{call}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.settle(10)
    assert sorted(ids(store)) == sorted(f"a-{number}-{call}" for number in range(4) for call in range(50))


def test_while_the_store_is_away_entries_wait(store: Away, journal: Journal) -> None:
    store.away.set()
    for number in range(3):
        journal.add(draft(str(number)))
    assert not journal.settle(0.1)
    store.away.clear()
    assert journal.settle(10)
    assert ids(store) == ["a-0", "a-1", "a-2"]


def test_a_commit_of_which_nobody_heard_is_not_done_twice(store: Away, journal: Journal) -> None:
    store.forgets_to_say = True
    journal.add(draft("1"))
    assert journal.settle(10)
    assert ids(store) == ["a-1"]


def test_what_the_store_does_not_take_at_the_end_is_left_to_the_next_process(
    store: Away, tmp_path: Path
) -> None:
    store.away.set()
    first = Journal(store, Spool(tmp_path / "spool"), KEYS, lambda last: None)
    first.start()
    first.add(replace(draft("1"), outcome=200))
    first.begin(draft("2"))
    first.close()
    store.away.clear()
    second = Journal(store, Spool(tmp_path / "spool"), KEYS, lambda last: None)
    second.start()
    second.close()
    assert [(entry.draft.id, entry.draft.outcome) for entry in store.walk()] == [("a-1", 200), ("a-2", None)]
    assert list((tmp_path / "spool").iterdir()) == []


def test_when_too_much_waits_nothing_more_may_be_changed(
    store: Away, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.away.set()
    monkeypatch.setattr(journal_module, "MOST_WAITING", 2)
    for number in range(2):
        journal.add(draft(str(number)))
    with pytest.raises(Unavailable, match="without it nothing may be changed"):
        journal.begin(draft("3"))
    store.away.clear()
    assert journal.settle(10)
    journal.end(journal.begin(draft("4")), draft("4"))


def test_with_a_full_disk_entries_go_through_memory(
    store: Away, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tensorfleet.audit.spool.os.write", full)
    taken = journal.begin(draft("1"))
    journal.sync(taken)
    journal.end(taken, draft("1"))
    assert journal.settle(10)
    assert ids(store) == ["a-1"]


def test_a_defect_ends_nothing(store: Away, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_drafts: object, _keys: object) -> Entry | None:
        raise ZeroDivisionError

    with monkeypatch.context() as defect:
        defect.setattr(store, "append", broken)
        journal.add(draft("1"))
        assert not journal.settle(0.1)
    assert journal.settle(10)
    assert ids(store) == ["a-1"]


def test_upkeep_is_called_with_the_last_entry_and_may_fail(store: Away, tmp_path: Path) -> None:
    seen: list[Entry | None] = []
    enough = threading.Event()

    def upkeep(last: Entry | None) -> None:
        seen.append(last)
        if last is not None and len(seen) > 2:
            enough.set()
        raise Unavailable("the object store is away")

    made = Journal(store, Spool(tmp_path / "spool"), KEYS, upkeep)
    made.start()
    made.add(draft("1"))
    assert enough.wait(10)
    made.close()
    assert seen[-1] is not None
    assert seen[-1].seq == 1
