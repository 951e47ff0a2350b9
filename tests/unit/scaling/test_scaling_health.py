"""Machines that are not well: they take a place, are no capacity, and are not kept for ever."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.scaling.fleets import at, job, runs, up, view, worker

from tensorfleet.fleet.ports import WorkerType
from tensorfleet.scaling.model import Action, Limits, Memory
from tensorfleet.scaling.policy import decide
from tensorfleet.scheduling.model import WorkerView

SMALL = WorkerType("default", 1, cpus=1)
LIMITS = Limits((SMALL,), 2, 3, cool_down_s=60)


def sick(name: str, *, kept: bool = False, taken: int = 0) -> WorkerView:
    return replace(worker(name, taken=taken), accepts=False, quarantine="its disk", kept=kept)


def test_one_in_quarantine_does_not_count_for_the_minimum() -> None:
    decision = decide(view((worker("a"), sick("b"))), LIMITS, Memory(joined={"a": "default", "b": "default"}))
    assert decision.action is Action.HOLD, "the one that is not well counts as one that did not join"
    assert "1 agent did not join" in decision.reason
    later = decide(view((worker("a"), sick("b")), now=at(6)), LIMITS, decision.memory)
    assert (later.action, later.starts) == (Action.GROW, {"default": 1})
    assert not later.drains, "it may get well by itself"


def test_it_takes_a_place_as_long_as_it_is_there() -> None:
    waiting = (job("j"),)
    workers = (worker("a", taken=1), sick("b"), sick("c", kept=True))
    running = (runs("r", "a"),)
    decision = decide(view(workers, waiting, running), replace(LIMITS, least=0), Memory())
    assert (decision.action, decision.starts) == (Action.AT_MAXIMUM, {})


def test_an_idle_one_is_given_back_after_a_while() -> None:
    memory = Memory(joined={"a": "default", "b": "default"})
    limits = replace(LIMITS, least=1)
    first = decide(view((worker("a"), sick("b"))), limits, memory)
    assert not first.drains
    decision = decide(view((worker("a"), sick("b")), now=at(61)), limits, first.memory)
    assert decision.drains == ("b",)
    assert "1 worker in quarantine is given back" in decision.reason
    gone = decide(view((worker("a"), replace(sick("b"), draining=True)), now=at(62)), limits, decision.memory)
    assert gone.releases == ("b",)


def test_one_that_runs_something_or_that_a_person_keeps_stays() -> None:
    limits = replace(LIMITS, least=0)
    workers = (sick("a", taken=1), sick("b", kept=True))
    running = (runs("r", "a"),)
    memory = decide(view(workers, running=running), limits, Memory()).memory
    assert memory.sick.keys() == {"a"}
    later = decide(view(workers, running=running, now=at(1000)), limits, memory)
    assert not later.drains
    assert not later.releases


def test_while_something_is_unknown_none_goes() -> None:
    workers = (worker("a"), sick("b"))
    limits = replace(LIMITS, least=0)
    memory = decide(view(workers), limits, Memory()).memory
    later = decide(view(workers, silent=("a",), now=at(1000)), limits, memory)
    assert not later.drains


def test_one_that_was_not_launched_is_left_alone() -> None:
    workers = (worker("a"), sick("mine"))
    decision = decide(view(workers, launched=(up("a"),), now=at(1000)), replace(LIMITS, least=0), Memory())
    assert not decision.drains
    assert decision.memory.sick == {}


def test_one_that_goes_is_not_kept_for_new_work() -> None:
    going = replace(sick("b"), draining=True)
    memory = Memory(joined={"a": "default", "b": "default"}, going={"b": at(0)}, sick={"b": at(-100)})
    workers = (worker("a", taken=1), going)
    decision = decide(
        view(workers, (job("j"),), (runs("r", "a"),), now=at(100)), replace(LIMITS, most=4), memory
    )
    assert decision.keeps == ()
    assert decision.releases == ("b",)
    assert decision.starts == {"default": 1}
