"""The way of a job is told without gaps: its stages add up, whatever was heard of it and whatever its clocks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.jobs.model import Event
from tensorfleet.jobs.waterfall import is_sound, throughput, waterfall

BEGAN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
T = BEGAN.timestamp()
NOW = BEGAN + timedelta(seconds=100)
MARKS = {
    "received": 1.2, "forked": 1.25, "opened": 1.3, "fetched": 1.5, "prepared": 2.0, "joined": 2.2,
    "first_step": 2.5, "trained": 6.0, "evaluated": 6.5, "published": 7.0, "ended": 7.1,
}  # fmt: skip


def event(kind: str, after_s: float, **data: Any) -> Event:
    return Event(0, "j-1", kind, BEGAN + timedelta(seconds=after_s), data)


def timeline(rank: int = 0, shift: float = 0.0, attempt: int = 1, **counted: Any) -> Event:
    marks = {name: T + at + shift for name, at in MARKS.items()}
    return event("timeline", 7.2, attempt=attempt, rank=rank, marks=marks, **counted)


def one_attempt(*told: Event) -> list[Event]:
    return [
        event("job.submitted", 0),
        event("job.started", 1, attempt=1, workers=1),
        event("task.started", 1.4, attempt=1, rank=0, worker_id="w-1"),
        *told,
        event("task.finished", 7.5, attempt=1, rank=0, status="succeeded"),
        event("job.completed", 7.5, attempt=1),
    ]


def lasted(rank: dict[str, Any]) -> dict[str, float]:
    return {stage["name"]: pytest.approx(stage["seconds"], abs=1e-5) for stage in rank["stages"]}


def check_adds_up(rank: dict[str, Any]) -> None:
    end = 0.0
    for stage in rank["stages"]:
        assert stage["start_s"] == pytest.approx(end, abs=1e-5), "without a gap"
        end = stage["start_s"] + stage["seconds"]
    assert end == pytest.approx(rank["seconds"], abs=1e-5)


def test_each_stage_ends_at_its_mark() -> None:
    (attempt,) = waterfall(one_attempt(timeline(steps=70, rows=7000, seconds=3.5)), NOW)
    (rank,) = attempt["ranks"]
    assert (attempt["outcome"], attempt["seconds"], rank["worker_id"]) == ("completed", 7.5, "w-1")
    assert lasted(rank) == {
        "queued": 1.0, "sent to the worker": 0.2, "process forked": 0.05, "session opened": 0.05,
        "files fetched": 0.2, "data prepared": 0.5, "ranks joined": 0.2, "first step": 0.3, "training": 3.5,
        "evaluation": 0.5, "model published": 0.5, "wound up": 0.1, "reported": 0.4,
    }  # fmt: skip
    check_adds_up(rank)
    assert (rank["steps_per_second"], rank["rows_per_second"]) == (20.0, 2000.0)


@pytest.mark.parametrize("shift", [-3600.0, -0.5, 0.0, 0.5, 3600.0])
def test_a_clock_that_is_wrong_is_put_right(shift: float) -> None:
    (attempt,) = waterfall(one_attempt(timeline(shift=shift)), NOW)
    (rank,) = attempt["ranks"]
    check_adds_up(rank)
    found = {stage["name"]: stage["seconds"] for stage in rank["stages"]}
    assert found["training"] == pytest.approx(3.5, abs=1e-5)
    assert (rank["clock_shift_s"] != 0) == (shift != 0)


def test_marks_after_the_end_and_before_the_begin_leave_no_gap() -> None:
    marks = {"received": T + 1.2, "opened": T - 50, "trained": T + 5000, "ended": T + 6000}
    (attempt,) = waterfall(one_attempt(event("timeline", 7, attempt=1, rank=0, marks=marks)), NOW)
    (rank,) = attempt["ranks"]
    check_adds_up(rank)
    assert lasted(rank)["training"] == 6.3, "what is left up to the end"


def test_a_rank_that_was_killed_and_its_next_attempt() -> None:
    events = [
        event("job.submitted", 0),
        event("job.started", 1, attempt=1, workers=1),
        event("task.started", 2, attempt=1, rank=0, worker_id="w-1"),
        event("task.finished", 5, attempt=1, rank=0, status="failed"),
        event("job.requeued", 5, attempt=1),
        event("job.started", 8, attempt=2, workers=1),
        event("task.started", 9, attempt=2, rank=0, worker_id="w-2"),
    ]
    first, second = waterfall(events, NOW)
    assert lasted(first["ranks"][0]) == {"queued": 1.0, "process forked": 1.0, "until its end": 3.0}
    assert (first["outcome"], second["outcome"]) == ("requeued", "running")
    assert lasted(second["ranks"][0]) == {"queued": 3.0, "process forked": 1.0, "now": 91.0}
    for attempt in (first, second):
        check_adds_up(attempt["ranks"][0])


def test_ranks_of_a_gang_add_up_to_the_jobs_throughput() -> None:
    told = [timeline(rank, steps=10, rows=1000 * (rank + 1), seconds=2.0) for rank in (0, 1)]
    (attempt,) = waterfall(one_attempt(*told), NOW)
    assert attempt["rows_per_second"] == 1500.0
    assert attempt["steps_per_second"] == 5.0, "they step together"


def test_a_job_that_waits_has_no_attempt() -> None:
    assert waterfall([event("job.submitted", 0)], NOW) == []


@pytest.mark.parametrize(
    "marks",
    [None, {}, [], {"opened": "now"}, {"opened": float("nan")}, {"opened": 1e300}, {"x" * 50: 1.0},
     {str(number): 1.0 for number in range(40)}],
)  # fmt: skip
def test_marks_that_make_no_sense_are_left_out(marks: Any) -> None:
    assert not is_sound({"marks": marks})
    (attempt,) = waterfall(one_attempt(event("timeline", 7, attempt=1, rank=0, marks=marks)), NOW)
    check_adds_up(attempt["ranks"][0])


def test_throughput_of_hostile_figures() -> None:
    assert throughput({"steps": 10, "rows": 100, "seconds": 2.0}) == {
        "steps_per_second": 5.0,
        "rows_per_second": 50.0,
    }
    assert throughput({"steps": 10, "rows": 0, "seconds": 2.0}) == {"steps_per_second": 5.0}
    for wrong in (
        None,
        [],
        {"steps": "x"},
        {"steps": 1, "seconds": 0},
        {"steps": float("inf"), "seconds": 1},
    ):
        assert throughput(wrong) is None
