"""Jobs that wait because their workspace has spent its budget are no reason to grow."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.scaling.fleets import fleet_of, job, view

from tensorfleet.fleet.ports import WorkerType
from tensorfleet.scaling.model import Action, Limits, Memory
from tensorfleet.scaling.policy import decide

LIMITS = Limits((WorkerType("default"),), 0, 10)


def test_a_job_that_waits_for_its_budget_is_not_grown_for() -> None:
    workers, running = fleet_of(2, busy=1)
    seen = view(workers, (job("j1", 2), job("j2", 2)), running)
    assert decide(seen, LIMITS, Memory()).action is Action.GROW
    held = replace(seen.snapshot, over_budget={"default": "it has spent its budget"})
    decision = decide(replace(seen, snapshot=held), LIMITS, Memory())
    assert (decision.action, decision.signal.queue) == (Action.HOLD, 0)
