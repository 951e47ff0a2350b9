"""What is known of machines stays with their workers, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tensorfleet.adapters.database import Database
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.store import SqlWorkerStore, write_health
from tensorfleet.health.model import Finding, Pace, Status, Verdict
from tensorfleet.health.record import Health, after_check, held_by_person, released

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
BAD = Verdict((Finding("disk", Status.FAILED, "die Platte ist voll 🌲"),), ("gpus: no GPU",))


def worker(worker_id: str) -> Worker:
    return Worker(worker_id, worker_id, WorkerState.ONLINE, 1, {"machine": "m-1"}, {}, NOW, NOW)


def store_health(database: Database, found: dict[str, Health]) -> None:
    with database.begin() as connection:
        write_health(connection, found)


def test_a_quarantine_outlives_whoever_wrote_it(database: Database) -> None:
    fleet = SqlWorkerStore(database)
    for worker_id in ("w-1", "w-2"):
        assert fleet.join(worker(worker_id)).health is None
    bad = after_check(Health("m-1"), "m-1", BAD, NOW, Pace())
    store_health(database, {"w-1": bad, "w-404": bad})
    again = SqlWorkerStore(database)
    assert again.get("w-1").health == bad
    assert [one.condition for one in again.all()] == [WorkerState.QUARANTINED, WorkerState.ONLINE]


def test_a_worker_that_leaves_and_comes_back_finds_it(database: Database) -> None:
    fleet = SqlWorkerStore(database)
    fleet.join(worker("w-1"))
    held = held_by_person(Health("m-1"), "its fan is loud", NOW)
    store_health(database, {"w-1": held})
    fleet.set_state("w-1", WorkerState.LOST)
    assert fleet.get("w-1").condition is WorkerState.LOST
    back = fleet.join(worker("w-1"))
    assert (back.state, back.condition, back.health) == (WorkerState.ONLINE, WorkerState.QUARANTINED, held)
    fleet.set_state("w-1", WorkerState.DRAINING)
    assert fleet.join(worker("w-1")).condition is WorkerState.DRAINING
    fleet.beat({"w-1": (NOW + timedelta(seconds=1), {"cpu_percent": 3})})
    assert fleet.get("w-1").health == held
    fleet.set_state("w-1", WorkerState.ONLINE)
    store_health(database, {"w-1": released(held)})
    assert fleet.get("w-1").condition is WorkerState.ONLINE
