"""Each reason to wait: its words, its evidence, and what it suggests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.scheduling.asking import places, why
from tests.unit.scheduling.scenes import GIB, NOW, fleet, job, runs, worker

from tensorfleet.scheduling import forecast, remedies, suggest
from tensorfleet.scheduling.changes import apply
from tensorfleet.scheduling.explain import explain
from tensorfleet.scheduling.model import ChangeKind, Demand, Place, WaitCode
from tensorfleet.scheduling.plan import plan
from tensorfleet.scheduling.scheduler import Pass


def test_too_few_slots() -> None:
    answer = why(fleet([job(workers=3)], [worker()], [runs("x", "w1", "w1", ends_s=60, workspace="blue")]))
    assert answer.code is WaitCode.NO_FREE_SLOTS
    assert answer.reason == "it needs 3 free slots at once and 2 are free"
    assert answer.suggestion == "ask for 2 workers"
    assert answer.expected_start == NOW + timedelta(seconds=60)
    evidence = answer.evidence
    assert evidence["free"]["slots"] == 2
    assert evidence["total"] == {"slots": 4, "cpus": 4.0, "gpus": 0, "memory_bytes": 8 * GIB}
    assert evidence["needed"] == {
        "workers": 3,
        "wanted": 3,
        "each": {"cpus": 1.0, "gpus": 0.0, "memory_bytes": 0},
    }
    (holder,) = evidence["holders"]
    assert (holder["job_id"], holder["workspace"], holder["ranks"]) == ("x", "blue", {"w1": [0, 1]})
    assert holder["expected_end"] == NOW + timedelta(seconds=60)


def test_a_full_fleet_names_the_job_that_ends_first() -> None:
    running = [runs("x", "w1"), runs("y", "w1", ends_s=90), runs("z", "w1", ends_s=30)]
    answer = why(fleet([job()], [worker(slots=3)], running))
    assert answer.reason == "it needs 1 free slot at once and 0 are free"
    assert answer.suggestion == "it starts when job z ends (expected 00:00:30 UTC)"
    assert why(fleet([job()], [worker(slots=1)], running[:1])).suggestion == "it starts when job x ends"
    assert why(fleet([job()], [worker(free=0)])).suggestion == "add a worker with 1 slot of 1 CPU"


@pytest.mark.parametrize(
    ("demand", "suggestion"),
    [
        (Demand(cpus=4), "ask for 3 CPUs per worker"),
        (Demand(gpus=2), "ask for 1 GPUs per worker"),
        (Demand(memory_bytes=8 * GIB), "ask for 7168MiB of memory per worker"),
        (Demand(gpus=9, memory_bytes=99 * GIB), "add a worker with 1 slot of 1 CPU + 9 GPU + 99 GiB"),
    ],
)
def test_slots_but_not_what_each_needs(demand: Demand, suggestion: str) -> None:
    taken = Demand(1, 1, GIB)
    answer = why(fleet([job(demand=demand)], [worker(gpus=2)], [runs("x", "w1", demand=taken)]))
    assert answer.code in (WaitCode.NO_FREE_RESOURCES, WaitCode.IMPOSSIBLE)
    assert answer.suggestion == suggestion


def test_no_gpu_at_all() -> None:
    answer = why(fleet([job(demand=Demand(gpus=1))], [worker()]))
    assert answer.code is WaitCode.IMPOSSIBLE
    assert answer.suggestion == "ask for no GPU per worker"
    assert why(
        fleet([job(workers=2, demand=Demand(memory_bytes=99 * GIB))], [worker(memory=0)])
    ).suggestion == ("ask for no fixed memory per worker")
    both = why(
        fleet([job(demand=Demand(2, 1, 3 * GIB))], [worker(gpus=1)], [runs("x", "w1", demand=Demand(1, 1))])
    )
    assert "2 CPU + 1 GPU + 3 GiB at once; what is free now holds 0 of these" in both.reason


def test_nobody_there() -> None:
    drained = replace(worker(accepts=False), draining=True)
    lost = worker("w2", accepts=False)
    nobody = why(fleet([job()]))
    assert (nobody.code, nobody.reason) == (WaitCode.NO_WORKERS, "no worker has joined the fleet")
    assert nobody.suggestion == "add a worker with 1 slot of 1 CPU"
    away = why(fleet([job()], [drained, lost]))
    assert (away.code, away.reason) == (WaitCode.NO_WORKERS, "every worker drains or does not answer")
    assert away.suggestion == "end the drain of worker w1: `tensorfleet workers drain WORKER --undo`"
    two = why(fleet([job(workers=8)], [drained, replace(drained, id="w2")]))
    assert two.change is not None
    assert two.change.worker_ids == ("w1", "w2")


def test_a_full_disk() -> None:
    full = replace(worker("w2", accepts=False), low_disk=True)
    answer = why(fleet([job(workers=6)], [worker(), full]))
    assert answer.code is WaitCode.LOW_DISK
    assert answer.reason == "worker w2 would have room, but its disk is nearly full"
    assert answer.suggestion == "make room on the disk of worker w2"
    assert why(fleet([job(workers=9)], [worker(), full])).code is WaitCode.IMPOSSIBLE


def test_others_are_served_first() -> None:
    queue = [job("h1", priority=0), job("h2", priority=0), job("a", timeout_s=5)]
    answer = why(fleet(queue, [worker(slots=2)]))
    assert (answer.code, answer.reason) == (
        WaitCode.BEHIND_OTHERS,
        "job h1, h2 is served first and takes what is free",
    )
    assert answer.suggestion == "give it priority high"
    assert answer.evidence["starting_before"] == ["h1", "h2"]
    assert answer.evidence["ahead_in_queue"] == 2
    assert (
        answer.expected_start_unknown
        == "nobody knows when h1, h2 will end: no timeout, and no progress reported yet"
    )
    many = [*(job(f"h{i}", priority=0) for i in range(5)), job()]
    assert "h0, h1, h2 and others" in why(fleet(many, [worker(slots=5)])).reason
    assert "h0, h1, h2 and others" in str(why(fleet(many, [worker(slots=5)])).expected_start_unknown)


def test_a_share_puts_a_younger_job_first() -> None:
    running = [runs("x", "w1", workspace="blue", ran_s=10)]
    queue = [job("a", workspace="blue", age_s=9), job("red", workspace="red")]
    answer = why(fleet(queue, [worker(slots=2)], running))
    assert answer.code is WaitCode.FAIR_SHARE
    assert answer.reason == "workspace red has less than its share, so its job red is served first"
    assert answer.suggestion == "give it priority high"
    assert answer.evidence["shares"] == {"blue": 0.5, "red": 0.5}
    held = [job("a", workspace="blue", age_s=90), job("red", 2, workspace="red", age_s=80)]
    held_back = why(fleet(held, [worker(slots=2)], running))
    assert held_back.code is WaitCode.FAIR_SHARE
    assert "so its job red gets the next free slots" in held_back.reason


def test_room_is_made_by_stopping_others() -> None:
    running = [runs("x", "w1", priority=2)]
    answer = why(fleet([job()], [worker(slots=1)], running))
    assert answer.code is WaitCode.MAKING_ROOM
    assert answer.evidence["stopping"] == ["x"]
    assert answer.expected_start == NOW + timedelta(seconds=30)


def test_the_evidence_has_an_end() -> None:
    running = [runs(f"r{i:02}", "w1", ran_s=100 - i) for i in range(60)]
    evidence = why(fleet([job()], [worker(slots=60)], running)).evidence
    assert (len(evidence["holders"]), evidence["holders_not_listed"]) == (50, 10)


def test_priorities_have_names() -> None:
    queue = [job("n", priority=1, age_s=5), job("a", priority=2)]
    assert why(fleet(queue, [worker(slots=1)])).suggestion == "give it priority high"
    odd = [job("n", priority=4, age_s=5), job("a", priority=5)]
    first = [job("m", priority=3, age_s=5), *odd]
    assert why(fleet(odd, [worker(slots=1)])).suggestion == "give it priority 3"
    assert why(fleet(first, [worker(slots=1)])).suggestion == "give it priority low"


def test_a_plan_is_an_answer_without_a_job() -> None:
    scene = fleet([job("first", 2, age_s=1)], [worker(slots=3)])
    assert plan(scene, job()) == Place("a", ("w1",))
    answer = plan(scene, job(workers=2))
    assert not isinstance(answer, Place)
    assert answer.reason == "job first is served first and takes what is free"


def test_a_job_that_does_not_wait_cannot_be_explained() -> None:
    with pytest.raises(LookupError):
        explain(fleet([job()], [worker()]), "other")
    with pytest.raises(LookupError):
        Pass(fleet([job()], [worker()])).until("other")


# ---- expected start ------------------------------------------------------------------------------------------------------


def test_jobs_in_front_are_expected_to_run_as_long_as_others_here() -> None:
    running = [runs("x", "w1", ran_s=100, ends_s=100)]
    scene = fleet([job("front", age_s=9), job(), job("later", priority=2)], [worker(slots=1)], running)
    assert why(scene, "front").expected_start == NOW + timedelta(seconds=100)
    assert why(scene).expected_start == NOW + timedelta(seconds=300)
    short = replace(scene, queue=(job("front", age_s=9, timeout_s=50), job()))
    assert why(short).expected_start == NOW + timedelta(seconds=150), "its timeout is less than that"


def test_who_is_stopped_waits_again() -> None:
    """high stops x now; when high has ended, x goes before the younger job."""
    running = [runs("x", "w1", priority=2, ran_s=100, ends_s=100, waited_s=50)]
    scene = fleet(
        [job("high", priority=0, timeout_s=40), job(priority=2, age_s=9)], [worker(slots=1)], running
    )
    assert why(scene).expected_start == NOW + timedelta(seconds=30 + 40 + 200)


def test_a_stop_that_is_possible_only_later_is_foreseen() -> None:
    running = [runs("x", "w1", priority=2, ran_s=2)]
    assert why(fleet([job()], [worker(slots=1)], running)).expected_start == NOW + timedelta(seconds=3 + 30)
    blue = [runs(f"b{i}", "w1", workspace="blue", ran_s=20) for i in range(2)]
    answer = why(fleet([job(workspace="red")], [worker(slots=2)], blue))
    assert answer.expected_start == NOW + timedelta(seconds=40 + 30)


def test_a_forecast_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "WORK", 0)
    running = [runs("x", "w1", ends_s=10)]
    queue = [*(job(f"j{i:02}", age_s=50, timeout_s=1) for i in range(30)), job()]
    assert (
        why(fleet(queue, [worker(slots=1)], running)).expected_start_unknown
        == "too much has to happen before it"
    )


# ---- changes -------------------------------------------------------------------------------------------------------------


def test_an_elastic_job_keeps_what_it_would_like() -> None:
    scene = fleet([job(workers=8, least=3)], [worker()], [runs("x", "w1", "w1")])
    answer = why(scene)
    assert answer.suggestion == "set min_workers to 2"
    assert answer.change is not None
    assert apply(answer.change, scene, "a").queue[0].workers == 8


def test_end_of_a_gang_frees_all_its_workers() -> None:
    gone = runs("x", "w1", "w2", "gone", ends_s=10)
    views = [worker("w1", 1), worker("w2", 1), worker("gone", 1)]
    scene = fleet([job(workers=2)], views, [gone])
    without = replace(scene, workers=scene.workers[:2])
    answer = why(without)
    assert answer.change is not None
    assert answer.change.kind is ChangeKind.END_JOB
    assert places(apply(answer.change, without, "a")) == {"a": ("w1", "w2")}


# ---- long queues ---------------------------------------------------------------------------------------------------------


def test_the_search_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "WORK", 0)
    monkeypatch.setattr(suggest, "LEAST_TRIES", 0)
    scene = fleet([job("n", age_s=5), job()], [worker(slots=1)])
    assert why(scene).suggestion == "give it priority high", "the front of the queue is looked at in any case"
    full = fleet([job(workers=4)], [worker(free=0)])
    assert why(full).suggestion == "add a worker with 4 slots of 1 CPU"
    monkeypatch.setattr(remedies, "MOST_WORKERS", 2)
    assert why(full).suggestion is None
    monkeypatch.setattr(suggest, "MOST_JOBS", 0)
    assert why(full).change is None


def test_no_timeout_is_suggested_that_is_over_at_once() -> None:
    scene = fleet([job("gang", 4, age_s=9), job()], [worker()], [runs("x", "w1", "w1", ends_s=0.5)])
    answer = why(scene)
    assert answer.code is WaitCode.RESERVED
    assert answer.change is not None
    assert answer.change.kind is not ChangeKind.SET_TIMEOUT


def test_machines_that_are_not_well() -> None:
    sick = replace(worker("w2", accepts=False), quarantine="its clock is 90 s ahead")
    answer = why(fleet([job(workers=6)], [worker(), sick]))
    assert answer.code is WaitCode.QUARANTINE
    assert answer.reason == "1 worker is in quarantine: w2: its clock is 90 s ahead"
    assert answer.evidence["quarantine"] == {"w2": "its clock is 90 s ahead"}
    assert (
        answer.suggestion == "mend worker w2 and have it looked at again: `tensorfleet workers check WORKER`"
    )
    assert why(fleet([job(workers=9)], [worker(), sick])).code is WaitCode.IMPOSSIBLE, "it would not help"
    many = [replace(sick, id=f"w{number}") for number in range(2, 7)]
    answer = why(fleet([job(workers=6)], many))
    assert answer.reason.startswith("5 workers are in quarantine: w2: its clock is 90 s ahead; w3: ")
    assert answer.reason.endswith("; and 2 more")
    held = replace(sick, quarantine="its fan is loud", kept=True)
    assert why(fleet([job(workers=6)], [worker(), held])).suggestion == (
        "end the quarantine of worker w2: `tensorfleet workers release WORKER`"
    )
