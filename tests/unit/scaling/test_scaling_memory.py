"""What outlives the process that decides, and fleets that others start and stop."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.unit.scaling.fleets import NOW, at, fleet_of, job, runs, view, worker

from tensorfleet.fleet.ports import WorkerType
from tensorfleet.fleet.scaling_codec import LONG_AGO, decision_to_dict, memory_of, memory_to_dict
from tensorfleet.scaling.model import Action, Awaited, FleetView, Limits, Memory, Size
from tensorfleet.scaling.others import as_launched
from tensorfleet.scaling.policy import decide

LIMITS = Limits((WorkerType("default", 1, cpus=1),), 1, 10)
FULL = Memory(
    awaited={"a1": Awaited("default", NOW)},
    going={"a2": at(-1)},
    released={"a3": at(-2)},
    joined={"a2": "default"},
    sizes={"default": Size(1, 2.0, 0.0, 1024)},
    target={"default": 2, "": 1},
    busy_at=at(-3),
    changed_at=at(-4),
    spot_lost_at=at(-5),
    failures=2,
    failed_at=at(-6),
    held=3,
    sick={"a2": at(-7)},
)


def test_a_memory_outlives_its_process() -> None:
    for memory in (FULL, Memory()):
        back = memory_of(json.loads(json.dumps(memory_to_dict(memory))))
        assert back == replace(memory, released=dict.fromkeys(memory.released, LONG_AGO)), (
            "released once more"
        )


def test_a_decision_as_json() -> None:
    workers, _ = fleet_of(1)
    told = decision_to_dict(decide(view(workers, launched=()), LIMITS, Memory()))
    assert json.loads(json.dumps(told)) == told
    assert told["target"] == {"not launched": 1}
    assert told["signal"] == {"load": 0.0, "queue": 0, "workers": 1, "desired": 1}


def advise(seen: FleetView, memory: Memory) -> tuple[int, Memory, Action]:
    shown, asked = as_launched(seen, LIMITS, memory)
    decision = decide(shown, LIMITS, asked)
    return decision.signal.desired, decision.memory, decision.action


def test_what_others_were_told_counts_as_asked_for() -> None:
    workers, running = fleet_of(4, busy=4)
    seen = view(workers, running=running, launched=())
    desired, memory, _ = advise(seen, Memory())
    assert desired == 6
    desired, memory, action = advise(seen, memory)
    assert (desired, action) == (6, Action.HOLD), "they have not come yet: it does not ask for more"
    later = replace(seen, snapshot=replace(seen.snapshot, now=at(301)))
    assert advise(later, memory)[0] == 6, "nobody did it: asked again, from what there is"


def test_others_are_told_no_less_than_what_is_in_use() -> None:
    workers, running = fleet_of(10, busy=2)
    memory = Memory(busy_at=at(-1000))
    desired, memory, _ = advise(view(workers, running=running, launched=()), memory)
    assert desired == 7
    desired, memory, action = advise(view(workers, running=running, launched=(), now=at(5)), memory)
    assert (desired, action) == (7, Action.HOLD), "three too many are about to go"
    fewer = (*workers[:2], *workers[5:])
    assert advise(view(fewer, running=running, launched=(), now=at(10)), memory)[0] == 7


def test_a_worker_that_is_lost_is_not_here_for_others() -> None:
    seen = view(
        (worker("a1", taken=1), worker("z")), (job("j1", 2),), (runs("r1", "a1"),), launched=(), lost=("z",)
    )
    assert advise(seen, Memory())[0] == 3
