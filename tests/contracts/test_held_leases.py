"""What a lease stands for and whether it is in force, as it is read on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.jobs.events import JobEvent, Leased, TaskFinished, TaskStarted, WorkerLost
from tensorfleet.jobs.held_leases import SqlHeldLeases
from tensorfleet.jobs.machine import decide
from tensorfleet.jobs.memory import JobMemory
from tensorfleet.jobs.model import Lease, Outcome, TaskStatus
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.objects.rights import Need

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DATA, CODE = "a" * 64, "b" * 64
RESOURCES = {"workers": 2, "cpus": 1, "gpus": 0, "memory": 0}
SPEC = {"name": "n", "model_name": None, "timeout": None, "retries": 3, "resources": RESOURCES}


class Life:
    def __init__(self, database: Database) -> None:
        self.store = SqlJobStore(database)
        self.leases = SqlHeldLeases(database)
        self.memory = JobMemory()
        inputs = {"dataset": {"name": "d", "digest": DATA}, "code": {"digest": CODE}, "forked": True}
        self.store.insert(NewJob("j-1", "n", "default", "train", 1, 2, SPEC, inputs, NOW))
        self.store.insert(NewJob("j-2", "n", "default", "train", 1, 2, SPEC, {"code": None}, NOW))

    def start(self, job_id: str = "j-1") -> tuple[Lease, ...]:
        with self.store.orchestrate(self.memory) as tx:
            granted = tx.grant(job_id, ("w-1", "w-2"), "127.0.0.1:7000", NOW)
            before = tx.load(job_id)
            tx.save(before, *decide(before, Leased(granted), NOW), NOW)
        return granted

    def happen(self, *happened: JobEvent, job_id: str = "j-1") -> None:
        for event in happened:
            with self.store.orchestrate(self.memory) as tx:
                before = tx.load(job_id)
                tx.save(before, *decide(before, event, NOW), NOW)

    def in_force(self, lease: Lease) -> bool:
        held = self.leases.find(lease.token)
        assert held is not None
        return held.in_force


@pytest.fixture
def life(database: Database) -> Life:
    return Life(database)


def test_what_a_lease_stands_for(life: Life) -> None:
    first, second = life.start()
    (other, _) = life.start("j-2")
    held = life.leases.find(second.token)
    assert held is not None
    assert (held.worker_id, held.in_force) == ("w-2", True)
    assert held.need == Need("j-1", 1, 1, frozenset({DATA, CODE}))
    bare = life.leases.find(other.token)
    assert bare is not None
    assert bare.need == Need("j-2", 1, 0)
    assert life.leases.find(first.token + 1000) is None


def test_it_is_over_with_its_task(life: Life) -> None:
    first, second = life.start()
    life.happen(TaskStarted(first.token), TaskStarted(second.token))
    assert life.in_force(first)
    life.happen(TaskFinished(first.token, Outcome(TaskStatus.SUCCEEDED)))
    assert not life.in_force(first)
    assert life.in_force(second)


def test_a_lost_workers_attempt_is_over_when_the_next_begins(life: Life) -> None:
    first, second = life.start()
    life.happen(TaskStarted(first.token), TaskStarted(second.token), WorkerLost("w-1"))
    assert not life.in_force(first), "the worker that is lost"
    life.happen(TaskFinished(second.token, Outcome(TaskStatus.STOPPED)))
    assert not life.in_force(second)
    (third, _) = life.start()
    assert life.in_force(third)
    assert not life.in_force(second)
    held = life.leases.find(third.token)
    assert held is not None
    assert held.need.attempt == 2


def test_a_deleted_jobs_lease_is_none(life: Life) -> None:
    first, second = life.start()
    done = Outcome(TaskStatus.SUCCEEDED, result={"metrics": {}})
    life.happen(TaskFinished(first.token, done), TaskFinished(second.token, done))
    life.store.delete("j-1")
    assert life.leases.find(first.token) is None
