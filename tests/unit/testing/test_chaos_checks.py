"""Each check finds the defect that it is there for, and none in a job that is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.jobs.model import Event
from tensorfleet.testing.chaos.checks import Ended, LeaseSpan, check_job, check_slots
from tensorfleet.testing.chaos.plan import JobPlan, Options, make_plan
from tensorfleet.testing.chaos.trace import JobTrace
from tensorfleet.testing.simulation.script import Script, log_line, values_at

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = JobPlan("chaos-1", False, 1, Script(steps=4, save_every=2))
ENDED = Ended("j-1", "completed", 2, None)
Entry = tuple[str, dict[str, Any]]


def step(attempt: int, number: int, offset: int) -> list[Entry]:
    where = {"attempt": attempt, "rank": 0}
    point = {"step": number, "at": 0.0, "values": values_at(number)}
    return [
        ("log", {**where, "offset": offset, "text": log_line(number, 0)}),
        ("metrics", {**where, "points": [point]}),
    ]


def entries() -> list[Entry]:
    """A job that was killed after step 3, with a checkpoint at step 2, and completed in its second attempt."""
    size = len(log_line(1, 0))
    one, two = {"attempt": 1, "rank": 0}, {"attempt": 2, "rank": 0}
    return [
        ("job.submitted", {}),
        ("job.started", {"attempt": 1}),
        ("task.started", one),
        *step(1, 1, 0),
        *step(1, 2, size),
        ("checkpoint", {**one, "step": 2}),
        *step(1, 3, 2 * size),
        ("task.finished", one),
        ("job.requeued", {"attempt": 1}),
        ("job.started", {"attempt": 2}),
        ("task.started", two),
        *step(2, 3, 0),
        *step(2, 4, size),
        ("task.finished", two),
        ("job.completed", {"attempt": 2}),
    ]


def leases() -> list[LeaseSpan]:
    later = [NOW + timedelta(seconds=seconds) for seconds in range(4)]
    return [
        LeaseSpan(1, "w", 1, 0, "failed", later[0], later[1]),
        LeaseSpan(2, "w", 2, 0, "succeeded", later[2], later[3]),
    ]


def found(changed: list[Entry], ended: Ended = ENDED, spans: list[LeaseSpan] | None = None) -> set[str]:
    trace = JobTrace()
    for number, (kind, data) in enumerate(changed):
        trace.add(Event(number, "j-1", kind, NOW, data))
    problems = check_job(PLAN, ended, trace, leases() if spans is None else spans)
    return {problem.check for problem in problems}


def without(kind: str, which: int = 0) -> list[Entry]:
    every = entries()
    positions = [number for number, entry in enumerate(every) if entry[0] == kind]
    del every[positions[which]]
    return every


def doubled(kind: str, which: int = 0) -> list[Entry]:
    every = entries()
    positions = [number for number, entry in enumerate(every) if entry[0] == kind]
    every.insert(positions[which], every[positions[which]])
    return every


def test_a_job_that_is_well() -> None:
    assert found(entries()) == set()


@pytest.mark.parametrize(
    ("defect", "check"),
    [
        (lambda: without("log", 1), "logs and metrics whole"),
        (lambda: doubled("log", 1), "logs and metrics whole"),
        (lambda: without("metrics", 1), "logs and metrics whole"),
        (lambda: doubled("metrics", 1), "logs and metrics whole"),
        (lambda: without("metrics", 4), "logs and metrics whole"),
        (lambda: without("checkpoint"), "resumed from a checkpoint"),
        (lambda: doubled("job.completed"), "one right end"),
        (lambda: without("job.completed"), "one right end"),
        (lambda: [*entries(), ("task.started", {"attempt": 2, "rank": 0})], "one right end"),
        (lambda: without("job.started"), "attempts in order"),
        (lambda: without("job.requeued"), "attempts in order"),
        (lambda: doubled("task.finished"), "attempts in order"),
        (lambda: without("job.submitted"), "attempts in order"),
    ],
)
def test_a_defect_in_the_log_is_found(defect: Callable[[], list[Entry]], check: str) -> None:
    assert check in found(defect())


def test_a_wrong_value_is_found() -> None:
    every = entries()
    every[4] = ("metrics", {"attempt": 1, "rank": 0, "points": [{"step": 1, "values": {"loss": 9.0}}]})
    assert found(every) == {"logs and metrics whole"}


def test_a_wrong_end_is_found() -> None:
    assert "one right end" in found(entries(), replace(ENDED, status="failed", failure_class="killed"))
    assert "one right end" in found(entries(), replace(ENDED, status="running"))


@pytest.mark.parametrize(
    "change",
    [
        {"released_at": None},
        {"task_status": "running"},
        {"granted_at": NOW},  # before the attempt before it was over
    ],
)
def test_a_lease_that_is_left_or_too_early_is_found(change: dict[str, Any]) -> None:
    first, second = leases()
    assert found(entries(), spans=[first, replace(second, **change)]) == {"leases"}


def test_more_leases_than_slots_are_found() -> None:
    first, second = leases()
    together = [first, replace(second, granted_at=NOW)]
    assert [problem.check for problem in check_slots(together, {"w": 1})] == ["slots"]
    assert check_slots(together, {"w": 2}) == []
    assert check_slots(leases(), {"w": 1}) == []


def test_equal_seeds_make_equal_plans() -> None:
    options = Options(jobs=200, seed=3)
    assert make_plan(options) == make_plan(options)
    assert make_plan(options) != make_plan(replace(options, seed=4))


def test_a_plan_holds_every_fault_that_its_fleet_can_have() -> None:
    plan = make_plan(Options(jobs=300))
    assert {fault.target for fault in plan.faults if fault.kind == "kill"} == {
        "orchestrator", "gateway", "monitor", "agent", "template", "task", "simulated",
    }  # fmt: skip
    assert {fault.kind for fault in plan.faults} == {"kill", "stall", "cut", "slow", "database"}
    assert sorted(fault.at for fault in plan.faults) == [fault.at for fault in plan.faults]
    simulated = make_plan(Options(jobs=300, real=0))
    assert not {fault.target for fault in simulated.faults} & {"agent", "template", "task", "monitor"}
    assert not any(job.real for job in simulated.jobs)
