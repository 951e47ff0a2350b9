"""A worker that its launcher has started anew elsewhere: the earlier agent of its name is refused, on every database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.errors import Replaced
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.store import SqlWorkerStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def worker(**resources: object) -> Worker:
    return Worker("w-1", "w-1", WorkerState.ONLINE, 1, {"cpus": 1, **resources}, {}, NOW, NOW)


def test_an_earlier_incarnation_cannot_join_after_a_later_one(database: Database) -> None:
    fleet = SqlWorkerStore(database)
    fleet.join(worker(incarnation=7))
    fleet.join(worker(incarnation=7))
    fleet.join(worker(incarnation=8))
    for earlier in (worker(incarnation=7), worker()):
        with pytest.raises(Replaced):
            fleet.join(earlier)
    assert fleet.get("w-1").resources["incarnation"] == 8


def test_a_worker_that_is_lost_may_come_back_as_whatever_it_is(database: Database) -> None:
    """A launcher's clock may have been set back; and as long as no later one is there, the earlier one is welcome."""
    fleet = SqlWorkerStore(database)
    fleet.join(worker(incarnation=8))
    fleet.set_state("w-1", WorkerState.LOST)
    assert fleet.join(worker(incarnation=7)).state is WorkerState.ONLINE
