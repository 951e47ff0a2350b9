"""Who is served first: priority, fair share, arrival; and what a quota allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.scheduling.asking import places, why
from tests.unit.scheduling.scenes import NOW, fleet, job, runs, worker

from tensorfleet.scheduling.model import Demand, Quota, WaitCode


def test_higher_priority_first_then_the_older() -> None:
    queue = [
        job("low", priority=2, age_s=30),
        job("new", age_s=1),
        job("old", age_s=20),
        job("high", priority=0),
    ]
    assert list(places(fleet(queue, [worker(slots=3)]))) == ["high", "old", "new"]


def test_after_a_failure_it_waits_its_time() -> None:
    backing_off = replace(job(), not_before=NOW + timedelta(seconds=2))
    answer = why(fleet([backing_off], [worker()]))
    assert answer.code is WaitCode.BACKING_OFF
    assert answer.reason == "it is tried again in 2.0 s, after a failed attempt"
    assert answer.suggestion == "wait 2.0 s"
    assert answer.expected_start == NOW + timedelta(seconds=2)
    assert places(fleet([replace(job(), not_before=NOW)], [worker()])) == {"a": ("w1",)}


def test_the_workspace_with_less_is_served_first() -> None:
    queue = [
        job("b1", workspace="blue", age_s=9),
        job("r1", workspace="red"),
        job("b2", workspace="blue", age_s=8),
    ]
    running = [runs("r", "w1", workspace="blue")]
    assert list(places(fleet(queue, [worker(slots=4)], running))) == ["r1", "b1", "b2"]
    level = [
        job("b1", workspace="blue", age_s=9),
        job("r1", workspace="red"),
        job("r2", workspace="red", age_s=5),
    ]
    assert list(places(fleet(level, [worker(slots=3)]))) == ["b1", "r2", "r1"], "ties go by arrival"


def test_the_share_is_of_the_resource_that_a_workspace_has_most_of() -> None:
    views = [worker(slots=8, gpus=2)]
    running = [
        runs("g", "w1", workspace="blue", demand=Demand(gpus=1)),
        runs("c", "w1", "w1", workspace="red"),
    ]
    queue = [job("b", workspace="blue", age_s=9), job("r", workspace="red")]
    assert list(places(fleet(queue, views, running))) == ["r", "b"], (
        "half of the GPUs is more than two of eight slots"
    )


def test_a_weight_makes_a_share_larger() -> None:
    queue = [job("b", workspace="blue"), job("r", workspace="red", age_s=5)]
    running = [runs("x", "w1", "w1", workspace="blue"), runs("y", "w1", workspace="red")]
    scene = fleet(queue, [worker(slots=8)], running)
    assert list(places(scene)) == ["r", "b"]
    assert list(places(replace(scene, quotas={"blue": Quota(weight=3)}))) == ["b", "r"]


def test_who_has_starved_goes_first_whatever_its_share() -> None:
    running = [runs("x", "w1", "w1", workspace="blue")]
    queue = [job("old", workspace="blue", age_s=90_000), job("new", workspace="red", age_s=80_000)]
    assert list(places(fleet(queue, [worker(slots=4)], running))) == ["old", "new"]


def test_a_quota_is_a_hard_limit_and_elastic_jobs_keep_within_it() -> None:
    running = [runs("x", "w1", workspace="blue")]
    queue = [job("b", 2, workspace="blue"), job("r", 2, workspace="red")]
    scene = fleet(queue, [worker(slots=8)], running, quotas={"blue": Quota(slots=2)})
    assert list(places(scene)) == ["r"]
    answer = why(scene, "b")
    assert answer.code is WaitCode.OVER_QUOTA
    assert answer.reason == "workspace blue uses 1 of 2 slots of its quota; it needs 2 x 1 CPU"
    assert answer.suggestion == "ask for 1 worker"
    assert answer.evidence["quota"]["slots"] == 2
    elastic = replace(scene, queue=(job("b", 4, least=1, workspace="blue"),))
    assert places(elastic) == {"b": ("w1",)}


def test_every_limit_of_a_quota_counts() -> None:
    running = [runs("x", "w1", workspace="blue", demand=Demand(cpus=2, gpus=1))]
    scene = fleet([job("b", workspace="blue")], [worker(slots=8, gpus=4)], running)
    assert places(replace(scene, quotas={"blue": Quota(gpus=1)})) == {"b": ("w1",)}, "it asks for no GPU"
    full = replace(scene, quotas={"blue": Quota(cpus=2, slots=9)})
    assert why(full, "b").suggestion == "raise the quota of workspace blue to 3 cpus"
    asks = replace(scene, queue=(job("b", workspace="blue", demand=Demand(gpus=1)),))
    answer = why(replace(asks, quotas={"blue": Quota(gpus=1, cpus=1)}), "b")
    assert answer.suggestion == "raise the quota of workspace blue to 3 cpus and 2 gpus"
    assert answer.reason.startswith("workspace blue uses 2 of 1 CPUs, 1 of 1 GPUs of its quota")


def test_a_quota_is_kept_for_a_gang_that_has_waited_long() -> None:
    running = [runs("x", "w1", workspace="blue")]
    queue = [job("gang", 4, workspace="blue", age_s=10), job("small", workspace="blue")]
    scene = fleet(queue, [worker(slots=8)], running, quotas={"blue": Quota(slots=4)})
    assert list(places(scene)) == ["small"]
    patient = replace(scene, queue=(job("gang", 4, workspace="blue", age_s=61), queue[1]))
    assert places(patient) == {}
    answer = why(patient, "small")
    assert answer.code is WaitCode.OVER_QUOTA
    assert "kept for job gang" in answer.reason
    assert answer.suggestion == "raise the quota of workspace blue to 6 slots"
    too_large = replace(scene, queue=(job("gang", 5, workspace="blue", age_s=61), queue[1]))
    assert list(places(too_large)) == ["small"], "its quota never lets it run: nothing is kept"


def test_a_quota_and_a_full_fleet_need_two_changes() -> None:
    running = [runs("x", "w1", "w1", workspace="blue", ends_s=50)]
    scene = fleet([job("b", workspace="blue")], [worker(slots=2)], running, quotas={"blue": Quota(slots=2)})
    answer = why(scene, "b")
    assert answer.suggestion == (
        "raise the quota of workspace blue to 3 slots, and it starts when job x ends (expected 00:00:50 UTC)"
    )
    assert answer.expected_start == NOW + timedelta(seconds=50)


def test_a_quota_is_kept_for_a_gang_that_would_not_fit_either() -> None:
    running = [runs("x", "w1", workspace="blue", ends_s=50), runs("y", "w1", "w1", ends_s=50)]
    gang = job("gang", 4, workspace="red", age_s=90)
    queue = [gang, job("b4", 4, workspace="blue", age_s=61), job("b1", workspace="blue", timeout_s=9)]
    scene = fleet(queue, [worker(slots=4)], running, quotas={"blue": Quota(slots=4)})
    assert places(scene) == {}
    assert list(places(replace(scene, queue=(gang, queue[2])))) == ["b1"]
