"""What a fleet could ever run, at the moment of a submission."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tensorfleet.composition import STILL_COUNTS_S, FleetInputs
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.ports import WorkerType
from tensorfleet.jobs.schemas import parse_spec
from tensorfleet.kit.clock import utc_now
from tensorfleet.scaling.model import Limits


class Fleet:
    """A list of workers in place of the store."""

    def __init__(self, *workers: Worker) -> None:
        self._workers = list(workers)

    def all(self) -> list[Worker]:
        return self._workers


def worker(slots: int, state: WorkerState = WorkerState.ONLINE, silent_s: float = 0.0) -> Worker:
    resources = {"cpus": slots, "memory_bytes": 1024**3, "gpus": []}
    seen_at = utc_now() - timedelta(seconds=silent_s)
    return Worker(f"w-{slots}", "w", state, slots, resources, {}, seen_at, seen_at)


def complaints(*workers: Worker, ranks: int = 4, grows: Limits | None = None) -> list[str]:
    nothing: Any = None
    spec = parse_spec({"name": "big", "algorithm": "mlp", "dataset": "iris", "resources": {"workers": ranks}})
    fleet: Any = Fleet(*workers)
    return [error.field for error in FleetInputs(nothing, nothing, fleet, grows).check_capacity(spec)]


def test_more_than_the_fleet_can_hold_is_refused() -> None:
    assert complaints(worker(3)) == ["resources.workers"]
    assert complaints(worker(3), worker(1)) == []


def test_before_a_worker_has_joined_nothing_is_impossible() -> None:
    assert complaints() == []


def test_a_worker_that_fell_silent_a_moment_ago_still_counts() -> None:
    assert complaints(worker(1), worker(3, WorkerState.LOST, silent_s=20)) == []


def test_one_that_is_gone_does_not() -> None:
    gone = worker(3, WorkerState.LOST, silent_s=STILL_COUNTS_S + 60)
    assert complaints(worker(1), gone) == ["resources.workers"]


def test_a_fleet_that_grows_by_itself_may_hold_more_tomorrow() -> None:
    grows = Limits((WorkerType("node", 2, cpus=2),), most=3)
    assert complaints(worker(1), ranks=5, grows=grows) == []
    assert complaints(worker(1), ranks=6, grows=grows) == ["resources.workers"]
