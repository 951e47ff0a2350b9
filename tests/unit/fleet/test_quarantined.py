"""What a quarantine makes of a worker: for the scheduler, for people, for those who are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tensorfleet.fleet.model import QUARANTINED_EVENT, Worker, WorkerState
from tensorfleet.fleet.snapshot import worker_view
from tensorfleet.gateway import parts
from tensorfleet.health.record import By, Health, Quarantine, held_by_person
from tensorfleet.jobs.model import Event
from tensorfleet.monitor.messages import notice_of

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ONLINE = Worker("w-1", "north", WorkerState.ONLINE, 2, {"cpus": 2}, {}, NOW, NOW)
SICK = replace(ONLINE, health=Health("m", NOW, quarantine=Quarantine(NOW, By.CHECK, "the disk is full")))


def test_the_scheduler_gives_it_nothing() -> None:
    assert worker_view(ONLINE, (), ()).accepts
    view = worker_view(SICK, (), ())
    assert (view.accepts, view.quarantine, view.kept) == (False, "the disk is full", False)
    held = replace(ONLINE, health=held_by_person(Health("m"), "mine", NOW))
    assert worker_view(held, (), ()).kept
    lost = worker_view(replace(SICK, state=WorkerState.LOST), (), ())
    assert (lost.accepts, lost.quarantine) == (False, ""), "it is lost, whatever its machine is like"


def test_people_see_it_as_its_state() -> None:
    assert SICK.condition is WorkerState.QUARANTINED
    for state in (WorkerState.DRAINING, WorkerState.LOST):
        assert replace(SICK, state=state).condition is state
    part = parts.workers_part([SICK, replace(ONLINE, id="w-2", name="south")])
    assert (part.status, part.detail, part.meaning) == ("degraded", "in quarantine: north", parts.QUARANTINE)
    assert part.facts["quarantined"] == ["north"]


def test_those_who_are_told_get_the_evidence() -> None:
    data: dict[str, Any] = {
        "worker": "w-1",
        "name": "north",
        "why": "the disk is full",
        "count": 1,
        "jobs": 1,
    }
    text = notice_of(Event(1, None, QUARANTINED_EVENT, NOW, data), None).text
    assert text == "Worker north (w-1) is in quarantine: the disk is full; 1 job goes on there"
    more = notice_of(Event(1, None, QUARANTINED_EVENT, NOW, data | {"count": 100, "jobs": 3}), None).text
    assert more.startswith("Worker north (w-1) and 99 more of its machine are in quarantine: ")
    assert more.endswith("3 jobs go on there")
