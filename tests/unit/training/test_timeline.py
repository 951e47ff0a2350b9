"""Marks, steps and rows, counted with a clock that stands still until it is moved."""

from __future__ import annotations

from typing import Any

from tensorfleet.training.phases import Phases
from tensorfleet.training.timeline import Timeline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


def timeline() -> tuple[Timeline, Clock, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    clock = Clock()
    return Timeline(told.append, clock, lambda: 5000.0), clock, told


def test_throughput_counts_what_came_after_the_first_step() -> None:
    line, clock, told = timeline()
    for seconds in (30.0, 0.5, 0.5):
        clock.tick(seconds)
        line.step(32, 64)
    clock.tick(7.0)
    line.close()
    first, last = told
    assert first["marks"] == {"first_step": 5030.0}
    assert last["marks"] == {"first_step": 5030.0, "trained": 5031.0, "ended": 5038.0}
    assert {name: last[name] for name in ("steps", "rows", "seconds")} == {
        "steps": 2, "rows": 64, "seconds": 1.0,
    }  # fmt: skip


def test_the_pace_is_of_the_steps_since_it_was_asked_before() -> None:
    line, clock, _ = timeline()
    line.step(10, 20)
    assert line.pace() == {}, "one step has no duration"
    for _ in range(4):
        clock.tick(0.5)
        line.step(10, 20)
    clock.tick(100.0)  # an evaluation
    assert line.pace() == {"steps_per_second": 2.0, "rows_per_second": 40.0}
    assert line.pace() == {}
    clock.tick(0.25)
    line.step()
    assert line.pace() == {"steps_per_second": 4.0}


def test_reports_stand_for_steps_that_nobody_counts() -> None:
    line, clock, told = timeline()
    for _ in range(3):
        clock.tick(1.0)
        line.reported()
    line.close()
    assert told[-1]["marks"] == {"first_step": 5001.0, "trained": 5003.0, "ended": 5003.0}
    assert line.counted == {}


def test_a_fit_as_a_whole() -> None:
    line, clock, told = timeline()
    clock.tick(2.0)
    line.fitted(600, 1.5)
    line.reported()
    line.close()
    assert len(told) == 1
    assert told[0]["marks"] == {"trained": 5002.0, "ended": 5002.0}
    assert line.counted == {"steps": 1, "rows": 600, "seconds": 1.5}


def test_every_moment_belongs_to_one_phase() -> None:
    clock = Clock()
    phases = Phases(clock)
    clock.tick(1)
    with phases.phase("forward"):
        clock.tick(2)
        with phases.phase("data"):
            clock.tick(4)
        clock.tick(8)
    phases.settle("forward")
    clock.tick(16)
    phases.enter("backward")
    clock.tick(32)
    since = clock.now
    clock.tick(64)
    phases.turn("communication", since)
    phases.leave()
    phases.settle("other")
    clock.tick(128)
    phases.charge()
    assert phases.seconds == {
        "other": 129, "forward": 26, "data": 4, "backward": 32, "communication": 64,
    }  # fmt: skip


def test_waiting_for_items_is_data_and_using_them_is_not() -> None:
    clock = Clock()
    phases = Phases(clock)

    def slow() -> Any:
        for number in range(3):
            clock.tick(10)
            yield number

    for _ in phases.reading(slow()):
        clock.tick(1)
    phases.charge()
    clock.tick(5)
    phases.charge()
    assert phases.seconds == {"data": 30, "forward": 3, "other": 5}


def test_a_leaked_phase_or_too_many_names_do_no_harm() -> None:
    clock = Clock()
    phases = Phases(clock)
    phases.leave()
    for number in range(100):
        with phases.phase(str(number)):
            clock.tick(1)
    assert sum(phases.seconds.values()) == 100
    assert len(phases.seconds) <= 33
