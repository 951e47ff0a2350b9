"""Who is stopped for whom; and elastic jobs that grow when nobody else wants the room."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.scheduling.asking import places, resizes, stops, why
from tests.unit.scheduling.scenes import NOW, fleet, job, runs, worker

from tensorfleet.scheduling.model import Demand, Preempt, Quota, RunningJob, WaitCode
from tensorfleet.scheduling.scheduler import schedule


def test_a_higher_priority_takes_the_place_of_the_lowest_that_started_last() -> None:
    running = [
        runs("normal", "w1", ran_s=10),
        runs("low-old", "w1", priority=2, ran_s=500),
        runs("low-new", "w1", priority=2, ran_s=50),
    ]
    scene = fleet([job("high", priority=0)], [worker(slots=3)], running)
    assert stops(scene) == [("low-new", "high")]
    (stop,) = [found for found in schedule(scene) if isinstance(found, Preempt)]
    assert stop.reason == "job high has a higher priority and needs its place"


def test_the_fewest_are_stopped() -> None:
    running = [
        runs("one", "w1", priority=2, ran_s=10),
        runs("two", "w1", "w1", priority=2, ran_s=99),
        runs("three", "w1", priority=2),
    ]
    assert stops(fleet([job("high", 2, priority=0)], [worker()], running)) == [("two", "high")]
    both = stops(fleet([job("high", 3, priority=0)], [worker()], running))
    assert sorted(both) == [("one", "high"), ("two", "high")]


def test_a_class_is_touched_only_when_those_below_are_not_enough() -> None:
    running = [runs("n", "w1", "w1", ran_s=10), runs("l1", "w1", priority=2), runs("l2", "w1", priority=2)]
    assert sorted(stops(fleet([job("h", 2, priority=0)], [worker()], running))) == [("l1", "h"), ("l2", "h")]
    assert ("n", "h") in stops(fleet([job("h", 3, priority=0)], [worker()], running))


def test_what_is_not_needed_after_all_is_left_alone() -> None:
    views = [worker("w1", 2, gpus=2), worker("w2", 1)]
    running = [
        runs("cpu", "w2", priority=2, ran_s=10),
        runs("g1", "w1", priority=2, ran_s=20, demand=Demand(gpus=1)),
        runs("g2", "w1", priority=2, ran_s=30, demand=Demand(gpus=1)),
    ]
    scene = fleet([job("h", 2, priority=0, demand=Demand(gpus=1))], views, running)
    assert sorted(stops(scene)) == [("g1", "h"), ("g2", "h")]


@pytest.mark.parametrize(
    "victim",
    [
        runs("v", "w1", priority=2, ran_s=4),
        runs("v", "w1", priority=1),
        replace(runs("v", "w1", priority=2), preemptible=False),
        runs("v", "w1", priority=2, demand=Demand(cpus=0.5)),
    ],
    ids=["young", "equal", "protected", "no help"],
)
def test_nobody_is_stopped_in_vain(victim: RunningJob) -> None:
    demand = victim.demand if victim.demand == Demand() else Demand(memory_bytes=2**40)
    assert stops(fleet([job("a", priority=1, demand=demand)], [worker(slots=1)], [victim])) == []


def test_while_others_stop_the_room_is_kept_and_nobody_else_is_stopped() -> None:
    running = [runs("going", "w1", "w1", priority=2, stopping=True), runs("stays", "w1", priority=1)]
    scene = fleet([job("high", 3, priority=0), job("small", priority=1, timeout_s=1)], [worker()], running)
    assert schedule(scene) == ()
    answer = why(scene, "high")
    assert answer.code is WaitCode.MAKING_ROOM
    assert answer.reason == "room is being made for it: job going saves its state and stops"
    assert answer.expected_start == NOW + timedelta(seconds=30)
    behind = why(scene, "small")
    assert behind.code is WaitCode.RESERVED
    assert "kept for job high" in behind.reason


def test_several_may_ask_in_one_pass_and_get_different_places() -> None:
    running = [runs(f"low{i}", "w1", priority=2, ran_s=10 + i) for i in range(4)]
    queue = [
        job("h1", 2, priority=0, age_s=5),
        job("h2", 1, priority=0),
        job("n", 1, priority=1),
        job("z", 1, priority=1),
    ]
    scene = fleet(queue, [worker()], running)
    assert sorted(stops(scene)) == [("low0", "h1"), ("low1", "h1"), ("low2", "h2"), ("low3", "n")]
    assert why(scene, "h2").code is WaitCode.MAKING_ROOM
    assert why(scene, "z").code is WaitCode.NO_FREE_SLOTS


def test_with_nothing_free_nobody_is_stopped_for_one_behind_a_job_that_could_not_be_helped() -> None:
    running = [runs("low", "w1", priority=2), runs("rest", "w1", "w1", "w1")]
    scene = fleet([job("front", 2, age_s=9), job("behind")], [worker()], running)
    assert stops(scene) == []
    assert why(scene, "behind").code is WaitCode.NO_FREE_SLOTS
    assert stops(replace(scene, queue=scene.queue[1:])) == [("low", "behind")]


def test_a_workspace_under_its_share_takes_from_one_over_it() -> None:
    running = [runs(f"b{i}", "w1", workspace="blue", ran_s=100 + i) for i in range(4)]
    scene = fleet([job("r", workspace="red")], [worker()], running)
    assert stops(scene) == [("b0", "r")]
    (stop,) = schedule(scene)
    assert isinstance(stop, Preempt)
    assert stop.reason == "workspace red has less than its share, blue more; job r takes its place"
    assert stops(replace(scene, queue=(job("r", 2, workspace="red"),))) == [("b0", "r"), ("b1", "r")]
    assert stops(replace(scene, queue=(job("r", 3, workspace="red"),))) == [], (
        "that would be more than its share"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"started_at": NOW - timedelta(seconds=59)},
        {"queued_at": NOW - timedelta(days=2)},
        {"priority": 0},
        {"workspace": "red"},
    ],
    ids=["young", "starved before", "higher", "own"],
)
def test_a_share_takes_nothing_from_these(change: dict[str, object]) -> None:
    running = [replace(runs(f"b{i}", "w1", workspace="blue"), **change) for i in range(4)]
    assert stops(fleet([job("r", workspace="red")], [worker()], running)) == []


def test_a_share_never_stops_a_gang_whose_workspace_would_then_have_less() -> None:
    gang = [runs("gang", "w1", "w1", "w1", "w1", workspace="blue")]
    assert stops(fleet([job("r", workspace="red")], [worker()], gang)) == []
    assert (
        stops(fleet([job("r", workspace="red")], [worker(slots=1)], [runs("b", "w1", workspace="blue")]))
        == []
    )


def test_with_nothing_running_and_nothing_free_nothing_is_done() -> None:
    assert schedule(fleet([job()], [worker(free=0)])) == ()


# ---- growth --------------------------------------------------------------------------------------------------------------

SHRUNK = runs("e", "w1", wanted=4, least=1, ran_s=30)


def test_an_elastic_job_grows_when_there_is_room_and_nobody_waits() -> None:
    assert resizes(fleet((), [worker()], [SHRUNK])) == [("e", 4)]
    assert resizes(fleet((), [worker()], [SHRUNK, runs("x", "w1", "w1")])) == [("e", 2)]
    assert resizes(fleet((), [worker()], [SHRUNK], quotas={"default": Quota(slots=3)})) == [("e", 3)]
    assert resizes(fleet([job("impossible", 99)], [worker()], [SHRUNK])) == [("e", 4)], "it waits in vain"


@pytest.mark.parametrize(
    "running",
    [
        [replace(SHRUNK, started_at=NOW - timedelta(seconds=29))],
        [SHRUNK, runs("x", "w1", stopping=True)],
        [SHRUNK, runs("x", "w1", "w1", "w1")],
        [runs("e", "w1", wanted=4, least=4)],
        [replace(SHRUNK, attempt_workers=2)],
        [runs("e", "w1", "w1", wanted=2, least=1)],
    ],
    ids=["young", "others stop", "no room", "not elastic", "some ranks have ended", "has all"],
)
def test_an_elastic_job_keeps_its_size(running: list[RunningJob]) -> None:
    assert resizes(fleet((), [worker()], running)) == []


def test_an_elastic_job_does_not_grow_before_those_who_wait() -> None:
    assert resizes(fleet([job("gang", 4)], [worker()], [SHRUNK])) == []
    soon = replace(job(), not_before=NOW + timedelta(seconds=1))
    assert resizes(fleet([soon], [worker()], [SHRUNK])) == []
    started = fleet([job()], [worker()], [SHRUNK])
    assert (list(places(started)), resizes(started)) == (["a"], [])
