"""Workspaces that have spent their budgets start nothing, and stand in nobody's way."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.scheduling.asking import places, why
from tests.unit.scheduling.scenes import NOW, fleet, job, runs, worker

from tensorfleet.scheduling.changes import helps
from tensorfleet.scheduling.model import ChangeKind, Resize, WaitCode
from tensorfleet.scheduling.scheduler import schedule

SPENT = {"blue": "workspace blue has spent 12.00 of its monthly budget of 10 EUR"}


def test_nothing_of_it_starts_and_others_do() -> None:
    scene = fleet([job("b", workspace="blue", age_s=90), job("r", workspace="red")], [worker(slots=4)])
    held = replace(scene, over_budget=SPENT)
    assert list(places(scene)) == ["b", "r"]
    assert list(places(held)) == ["r"]


def test_why_says_what_was_spent_and_what_helps() -> None:
    held = replace(fleet([job("b", workspace="blue")], [worker(slots=4)]), over_budget=SPENT)
    answer = why(held, "b")
    assert (answer.code, answer.reason) == (WaitCode.OVER_BUDGET, SPENT["blue"])
    assert answer.suggestion == "raise budgets.blue.monthly in tensorfleet.yaml, or wait for the next month"
    assert answer.change is not None
    assert answer.change.kind is ChangeKind.RAISE_BUDGET
    assert helps(answer.change, held, "b")
    assert (answer.expected_start, answer.expected_start_unknown) == (
        None,
        "its workspace has spent its budget",
    )


def test_what_else_is_needed_is_said_as_well() -> None:
    running = [runs("x", "w1", "w1", ends_s=60)]
    held = replace(fleet([job("b", workspace="blue")], [worker(slots=2)], running), over_budget=SPENT)
    change = why(held, "b").change
    assert change is not None
    assert change.and_then is not None
    assert helps(change, held, "b")


def test_its_elastic_jobs_do_not_grow_and_those_of_others_do() -> None:
    running = [runs("x", "w1", wanted=4, least=1, ran_s=100, workspace="blue")]
    scene = fleet((), [worker(slots=4)], running)
    assert [type(found) for found in schedule(scene)] == [Resize]
    assert schedule(replace(scene, over_budget=SPENT)) == ()
    waits = replace(scene, queue=(job("r", workspace="red"),), over_budget={"red": "spent"})
    assert [type(found) for found in schedule(waits)] == [Resize], "nobody can start on what is free"
    assert waits.now == NOW
