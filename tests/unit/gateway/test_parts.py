from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tensorfleet.fleet.conditions import Condition, Leader
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.gateway import parts
from tensorfleet.gateway.parts import (
    LATE,
    Noticed,
    Part,
    launcher_part,
    orchestrator_part,
    tracking_part,
    workers_part,
)
from tensorfleet.jobs.model import Event

NOW = datetime(2026, 3, 4, 10, 2, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=9)
LEADER = Leader("host-1 unix:/run/o.sock", 7, NOW + timedelta(seconds=3))
AWAY = Condition("mlflow", "away", EARLIER, "MLflow does not answer: refused", NOW + timedelta(seconds=8))


def event(age: timedelta) -> Event:
    return Event(1, "j-1", "job.started", NOW - age, {})


def worker(name: str, state: WorkerState = WorkerState.ONLINE, **stats: Any) -> Worker:
    return Worker(f"w-{name}", name, state, 4, {}, stats, EARLIER, NOW)


def test_a_leader_with_its_standby_is_well() -> None:
    part = orchestrator_part([True, False], LEADER, NOW)
    assert part == Part("ok", facts={"standbys": 1, "leader": LEADER.holder, "term": 7})


def test_without_a_leader_jobs_wait_since_its_lead_ended() -> None:
    gone = replace(LEADER, expires_at=EARLIER)
    part = orchestrator_part([False, None], gone, NOW)
    assert (part.status, part.since, part.meaning) == ("away", EARLIER, parts.NO_LEADER)
    assert part.detail == f"no orchestrator leads; the last to lead was {LEADER.holder}"
    fresh = orchestrator_part([None], LEADER, NOW)
    assert (fresh.status, fresh.since) == ("away", None), "its lead may still be renewed"
    assert orchestrator_part([None], None, NOW).detail == "no orchestrator leads; none has led yet"


def test_a_standby_that_is_silent_is_told_but_stops_nobody() -> None:
    part = orchestrator_part([True, None], LEADER, NOW)
    assert (part.status, part.meaning) == ("degraded", parts.NO_STANDBY)
    assert part.detail == "1 of 2 orchestrators do not answer"
    assert orchestrator_part([True, None, False], LEADER, NOW).meaning is None


def test_workers() -> None:
    well = workers_part([worker("a"), worker("b", WorkerState.LOST)])
    assert well == Part("ok", facts={"online": 1, "slots": 4, "lost": 1})
    none = workers_part([worker("a", WorkerState.LOST)])
    assert (none.status, none.since, none.meaning) == ("away", NOW, parts.NO_WORKERS)
    assert workers_part([]).status == "away"
    assert workers_part([], 0).status == "ok", "the autoscaler has none because nobody needs one"
    coming = workers_part([], 2)
    assert (coming.status, coming.detail) == ("degraded", "no worker is online yet; 2 are wanted")
    low = workers_part([worker("b", low_disk=True), worker("c", low_disk=False), worker("a", low_disk=True)])
    assert (low.status, low.meaning) == ("degraded", parts.LOW_DISK)
    assert low.detail == "low on disk space: a, b"
    assert low.to_dict()["low_disk"] == ["a", "b"]


def test_a_launcher_is_a_part_once_it_was_in_trouble() -> None:
    assert launcher_part(None) is None
    assert launcher_part(Condition("launcher", "ok", EARLIER)) == Part("ok", EARLIER)
    away = launcher_part(Condition("launcher", "away", EARLIER, "Ray has not answered within 2 s"))
    assert away == Part("away", EARLIER, "Ray has not answered within 2 s", parts.LAUNCHER_AWAY)
    waits = launcher_part(Condition("launcher", "degraded", EARLIER, "1 agent is not up: w-1 (no GPU)"))
    assert waits is not None
    assert (waits.status, waits.meaning) == ("degraded", parts.NOT_UP)


def test_tracking_is_well_while_nothing_waits_whatever_mlflow_does() -> None:
    assert tracking_part(AWAY, None, 0, 0, NOW).status == "ok"
    assert tracking_part(None, None, 0, 0, NOW).status == "ok"
    assert tracking_part(None, event(LATE), 3, 0, NOW).status == "ok", "its writer may have to start first"


def test_tracking_says_how_far_behind_it_is_since_when_and_when_it_tries_again() -> None:
    part = tracking_part(AWAY, event(timedelta(seconds=1)), 1234, 2, NOW)
    assert (part.status, part.since, part.meaning) == ("away", EARLIER, parts.TRACKING_WAITS)
    assert part.detail == (
        "MLflow does not answer: refused; 1,234 log entries behind, 2 changes of the registry wait"
    )
    shown = part.to_dict()
    assert (shown["behind"], shown["registry_changes"]) == (1234, 2)
    assert shown["next_try_at"] == "2026-03-04T10:02:08.000000Z"
    assert tracking_part(AWAY, None, 0, 1, NOW).detail == (
        "MLflow does not answer: refused; 1 changes of the registry wait"
    )


def test_tracking_that_nobody_carries_out_is_late() -> None:
    """The writer itself is dead, so it cannot say so."""
    well = Condition("mlflow", "ok", EARLIER)
    part = tracking_part(well, event(LATE + timedelta(seconds=1)), 5, 0, NOW)
    assert (part.status, part.since) == ("degraded", NOW - LATE - timedelta(seconds=1))
    assert part.detail == "the tracking writer is 5 log entries behind"


def test_since_is_when_it_was_first_seen_so_unless_the_part_knows_better() -> None:
    noticed = Noticed()
    later = NOW + timedelta(minutes=1)
    assert noticed.dated("x", Part("ok"), NOW).since == NOW
    assert noticed.dated("x", Part("ok"), later).since == NOW
    assert noticed.dated("x", Part("away"), later).since == later
    assert noticed.dated("x", Part("away", EARLIER), later).since == EARLIER
    assert noticed.dated("x", Part("away"), later).since == EARLIER
    assert noticed.dated("y", Part("ok"), later).since == later
