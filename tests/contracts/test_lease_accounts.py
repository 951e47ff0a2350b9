"""Leases as a ledger: what each stood for and what its time was good for, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leases
from tensorfleet.jobs.events import JobEvent, Leased, TaskFinished, TaskStarted
from tensorfleet.jobs.machine import decide
from tensorfleet.jobs.memory import JobMemory
from tensorfleet.jobs.model import Failure, FailureClass, Lease, NewEvent, Outcome, TaskStatus
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.store import SqlJobStore

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DONE = Outcome(TaskStatus.SUCCEEDED, result={"metrics": {}})
RESOURCES = {"workers": 2, "cpus": 1.5, "gpus": 0.5, "memory": 4096}
SPEC = {"name": "forest", "model_name": None, "timeout": None, "retries": 3, "resources": RESOURCES}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class Life:
    """A job of two ranks, and the orchestrator's memory of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlJobStore(database)
        self.memory = JobMemory()
        self.store.insert(NewJob("j-1", "forest", "lab", "train", 1, 2, SPEC, {}, NOW))

    def start(self, now: datetime) -> tuple[Lease, ...]:
        with self.store.orchestrate(self.memory) as tx:
            granted = tx.grant("j-1", ("w-1", "w-2"), "127.0.0.1:7000", now)
            before = tx.load("j-1")
            tx.save(before, *decide(before, Leased(granted), now), now)
        return granted

    def happen(self, now: datetime, *happened: JobEvent) -> None:
        for event in happened:
            with self.store.orchestrate(self.memory) as tx:
                before = tx.load("j-1")
                tx.save(before, *decide(before, event, now), now)

    def record(self, lease: Lease, kind: str, now: datetime) -> None:
        with self.store.orchestrate(self.memory) as tx:
            done = tx.held_tasks(lease.worker_id, [lease.token])[0].record_offset
            tx.take_over(lease.token, "record", done, done + 1, [NewEvent(kind, now, {"step": 1}, "j-1")])

    def accounts(self) -> dict[int, Any]:
        with self.database.read() as connection:
            return {row.token: row for row in connection.execute(select(leases).order_by(leases.c.token))}


@pytest.fixture(params=["remembered", "read anew"])
def life(request: pytest.FixtureRequest, database: Database) -> Life:
    """Once with an orchestrator that remembers what it wrote, once with one that was restarted before every step."""
    life = Life(database)
    if request.param == "read anew":
        life.memory = None  # type: ignore[assignment]
    return life


def parts(row: Any) -> tuple[float, float, float, float]:
    return row.idle_s, row.useful_s, row.lost_s, row.hung_s


def failed(cls: FailureClass) -> Outcome:
    return Outcome(TaskStatus.FAILED, Failure(cls, "it fell over"))


def test_a_lease_says_whose_it_is_and_what_it_takes(life: Life) -> None:
    first, second = life.start(at(1))
    rows = life.accounts()
    for lease in (first, second):
        row = rows[lease.token]
        assert (row.workspace, row.cpus, row.gpus, row.memory_bytes) == ("lab", 1.5, 0.5, 4096)
        assert parts(row) == (None, None, None, None)  # nobody knows yet


def test_when_an_attempt_completes_each_rank_has_its_own_times(life: Life) -> None:
    first, second = life.start(at(0))
    life.happen(at(1), TaskStarted(first.token))
    life.happen(at(3), TaskStarted(second.token))
    life.happen(at(10), TaskFinished(second.token, DONE))
    assert parts(life.accounts()[second.token]) == (None, None, None, None)  # the attempt may still fail
    life.happen(at(12), TaskFinished(first.token, DONE))
    rows = life.accounts()
    assert parts(rows[first.token]) == (1, 11, 0, 0)
    assert parts(rows[second.token]) == (3, 7, 0, 0)


def test_a_failed_attempt_keeps_what_its_checkpoint_kept(life: Life) -> None:
    first, second = life.start(at(0))
    life.happen(at(1), TaskStarted(first.token), TaskStarted(second.token))
    life.record(first, "checkpoint", at(6))
    life.happen(at(10), TaskFinished(first.token, failed(FailureClass.KILLED)))
    life.happen(at(11), TaskFinished(second.token, replace(DONE, status=TaskStatus.STOPPED)))
    rows = life.accounts()
    assert parts(rows[first.token]) == (1, 5, 4, 0)
    assert parts(rows[second.token]) == (1, 5, 5, 0)


def test_a_checkpoint_of_an_earlier_attempt_does_not_count_again(life: Life) -> None:
    first, second = life.start(at(0))
    life.record(first, "checkpoint", at(5))
    life.happen(at(6), TaskFinished(first.token, failed(FailureClass.KILLED)))
    life.happen(at(6), TaskFinished(second.token, replace(DONE, status=TaskStatus.STOPPED)))
    third, fourth = life.start(at(20))
    life.happen(at(20), TaskStarted(third.token), TaskStarted(fourth.token))
    life.happen(at(30), TaskFinished(third.token, failed(FailureClass.USER_ERROR)))
    life.happen(at(30), TaskFinished(fourth.token, replace(DONE, status=TaskStatus.STOPPED)))
    assert parts(life.accounts()[third.token]) == (0, 0, 10, 0)


def test_a_hang_is_counted_from_the_last_sign_of_progress(life: Life) -> None:
    first, second = life.start(at(0))
    life.happen(at(1), TaskStarted(first.token), TaskStarted(second.token))
    life.record(first, "checkpoint", at(11))
    life.record(first, "metrics", at(21))
    life.happen(at(61), TaskFinished(first.token, failed(FailureClass.HANG)))
    life.happen(at(61), TaskFinished(second.token, replace(DONE, status=TaskStatus.STOPPED)))
    assert parts(life.accounts()[first.token]) == (1, 10, 10, 40)


def test_the_parts_of_a_released_lease_are_its_time(life: Life) -> None:
    for turn in range(3):
        first, second = life.start(at(100 * turn))
        life.happen(at(100 * turn + 2.5), TaskStarted(first.token))
        life.happen(at(100 * turn + 7.25), TaskFinished(first.token, failed(FailureClass.KILLED)))
        life.happen(at(100 * turn + 9), TaskFinished(second.token, replace(DONE, status=TaskStatus.STOPPED)))
    rows = life.accounts().values()
    assert len(rows) == 6
    for row in rows:
        assert sum(parts(row)) == pytest.approx((row.released_at - row.granted_at).total_seconds())
