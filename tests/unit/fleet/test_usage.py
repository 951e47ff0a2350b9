"""What is kept of a look at the fleet, and in which steps it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.usage import ALL, MACHINE, MOST_GPUS, Sample, samples_of, window_of

NOW = datetime(2026, 3, 4, 12, 0, 7, tzinfo=UTC)


def worker(
    name: str, stats: dict[str, Any], state: WorkerState = WorkerState.ONLINE, slots: int = 2
) -> Worker:
    return Worker(name, name, state, slots, {}, stats, NOW, NOW)


def test_the_fleet_is_the_sum_of_its_workers_and_the_mean_of_their_use() -> None:
    workers = [
        worker("a", {"cpu_percent": 10.0, "memory_percent": 40}),
        worker("b", {"cpu_percent": 90.0, "memory_percent": 20}, WorkerState.DRAINING, slots=4),
        worker("c", {"cpu_percent": 99.0}, WorkerState.LOST),
    ]
    fleet, *rest = samples_of(workers, {"a": 1, "b": 3, "c": 2}, queued=7)
    assert fleet == Sample(ALL, MACHINE, 50.0, 30.0, 6.0, 4.0, 7.0, 2.0)
    assert rest == [Sample("a", MACHINE, 10.0, 40.0, 2.0, 1.0), Sample("b", MACHINE, 90.0, 20.0, 4.0, 3.0)]


def test_an_empty_fleet_is_told_too() -> None:
    assert samples_of([], {}, 3) == [Sample(ALL, queued=3.0)]


def test_each_gpu_is_told() -> None:
    gpu = {"name": "H200", "memory_bytes": 200, "memory_used_bytes": 50, "utilisation_percent": 80}
    found = samples_of([worker("a", {"gpus": [gpu, gpu | {"utilisation_percent": 0}]})], {}, 0)
    assert found[2:] == [Sample("a", 0, 80.0, 25.0), Sample("a", 1, 0.0, 25.0)]


@pytest.mark.parametrize("odd", [None, "much", float("nan"), float("inf"), [], {}, True, -5])
def test_whatever_an_agent_tells_is_a_percentage(odd: Any) -> None:
    gpus = [{"utilisation_percent": odd, "memory_bytes": odd, "memory_used_bytes": odd}, odd]
    found = samples_of([worker("a", {"cpu_percent": odd, "memory_percent": 250, "gpus": gpus})], {}, 0)
    assert found[1:3] == [Sample("a", MACHINE, 0.0, 100.0, 2.0), Sample("a", 0)]
    many = samples_of([worker("a", {"gpus": [{}] * 1000}), worker("b", {"gpus": odd})], {}, 0)
    assert len(many) == 3 + MOST_GPUS


@pytest.mark.parametrize(
    ("hours", "points", "step_s", "span_s"),
    [
        (24, 300, 300, 30),
        (1, 300, 30, 30),  # no finer than what is kept
        (0.01, 1000, 30, 30),
        (24, 7, 12360, 30),
        (24.1, 300, 600, 600),  # of the last day alone there is more
        (168, 300, 2400, 600),
        (24 * 366, 1, 31622400, 600),
    ],
)
def test_steps_are_whole_rows(hours: float, points: int, step_s: int, span_s: int) -> None:
    window = window_of(NOW, hours, points)
    assert (window.step_s, window.span_s, window.end) == (step_s, span_s, NOW)
    assert window.begin <= NOW - timedelta(hours=hours) < window.begin + timedelta(seconds=step_s)
    assert window.begin.timestamp() % step_s == 0
    assert (NOW - window.begin).total_seconds() / step_s <= points + 1
