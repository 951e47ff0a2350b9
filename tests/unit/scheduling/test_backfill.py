"""The first job that does not fit gets a reservation; others may pass if they do not delay it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.scheduling.asking import places, why
from tests.unit.scheduling.scenes import NOW, fleet, job, runs, worker

from tensorfleet.scheduling.model import Demand, WaitCode

BUSY = [runs("long", "w1", "w1", ends_s=100)]


def test_who_surely_ends_before_the_reservation_may_pass() -> None:
    gang = job("gang", 4, age_s=9)
    scene = fleet(
        [gang, job("quick", timeout_s=100), job("slow", timeout_s=101), job("open")], [worker()], BUSY
    )
    assert places(scene) == {"quick": ("w1",)}
    answer = why(scene, "slow")
    assert answer.code is WaitCode.RESERVED
    assert "reserved for job gang, which is expected to start at 00:01:40 UTC" in answer.reason
    assert answer.suggestion == "set its timeout to 100 s: it then surely ends before job gang is to start"
    assert answer.evidence["reserved_for"] == "gang"
    assert answer.evidence["reserved_at"] == NOW + timedelta(seconds=100)


def test_who_uses_what_the_reservation_does_not_need_may_pass() -> None:
    scene = fleet([job("gang", 3, age_s=9), job("one"), job("two")], [worker()], BUSY)
    assert places(scene) == {"one": ("w1",)}, "three of four slots are reserved"


def test_the_reservation_is_put_where_it_leaves_most_room_now() -> None:
    views = [worker("w1", 2), worker("w2", 2)]
    scene = fleet([job("gang", 3, age_s=9), job("small")], views, [runs("x", "w1", "w1", ends_s=9)])
    assert places(scene) == {"small": ("w2",)}


def test_what_the_gang_cannot_use_is_free_for_all() -> None:
    views = [worker("w1", 2, gpus=2), worker("w2", 2)]
    gang = job("gang", 2, age_s=999, demand=Demand(gpus=1))
    unknown = [runs("x", "w1", demand=Demand(gpus=1))]
    queue = [gang, job("cpu"), job("gpu", demand=Demand(gpus=1)), job("wide", 2)]
    assert places(fleet(queue, views, unknown)) == {"cpu": ("w2",)}


def test_with_unknown_ends_others_pass_until_the_patience_ends() -> None:
    unknown = [runs("x", "w1", "w1")]
    scene = fleet([job("large", 4, age_s=59), job("small")], [worker()], unknown)
    assert places(scene) == {"small": ("w1",)}
    patient = replace(scene, queue=(job("large", 4, age_s=60), job("small")))
    assert places(patient) == {}
    answer = why(patient, "small")
    assert answer.code is WaitCode.BEHIND_OTHERS
    assert answer.reason == "job large has waited longest and gets the next free slots"
    assert answer.suggestion == "give it priority high"
    assert why(patient, "large").expected_start_unknown == (
        "nobody knows when x will end: no timeout, and no progress reported yet"
    )


def test_a_job_that_can_never_run_holds_nobody_up() -> None:
    scene = fleet([job("impossible", 9, age_s=999), job("small")], [worker()])
    assert places(scene) == {"small": ("w1",)}
    answer = why(scene, "impossible")
    assert answer.code is WaitCode.IMPOSSIBLE
    assert "4 of these at most" in answer.reason
    assert answer.suggestion == "ask for 4 workers"
    assert answer.expected_start_unknown == "it does not start on this fleet as it is"


def test_an_overdue_job_is_expected_to_end_soon_but_not_at_once() -> None:
    late = [runs("late", "w1", "w1", ends_s=-10, ran_s=200)]
    scene = fleet(
        [job("gang", 4, age_s=9), job("quick", timeout_s=20), job("slow", timeout_s=21)], [worker()], late
    )
    assert places(scene) == {"quick": ("w1",)}
    assert why(scene, "gang").expected_start == NOW + timedelta(seconds=20)


def test_ends_on_a_worker_that_is_gone_are_no_room() -> None:
    away = replace(worker("w2", 4), accepts=False)
    scene = fleet(
        [job("gang", 4, age_s=99)],
        [worker("w1", 4), away],
        [runs("a", "w2", "w1", ends_s=5), runs("b", "w1", ends_s=9)],
    )
    assert why(scene, "gang").expected_start == NOW + timedelta(seconds=9)


def test_only_so_many_jobs_ask_for_room_in_one_pass() -> None:
    unknown = [runs("x", "w1", "w1", "w1")]
    queue = [job(f"g{i:03}", 4, demand=Demand(cpus=1 - i / 1000)) for i in range(40)]
    scene = fleet([*queue, job("last", 2)], [worker()], unknown)
    assert places(scene) == {}
    assert why(scene, "last").code is WaitCode.NO_FREE_SLOTS
