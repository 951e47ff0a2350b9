"""Placement: gangs whole or not at all, order, resources, and reasons that are true."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.scheduling.model import Demand, Place, Snapshot, Wait, WaitCode, WaitingJob, WorkerView
from tensorfleet.scheduling.placement import capacity, schedule

NOW = datetime(2026, 3, 4, tzinfo=UTC)
GIB = 1024**3


def worker(
    name: str = "w1",
    slots: int = 4,
    *,
    free: int | None = None,
    gpus: float = 0,
    memory: int = 8 * GIB,
    accepts: bool = True,
) -> WorkerView:
    free_slots = slots if free is None else free
    return WorkerView(
        name, slots, float(slots), gpus, memory, free_slots, float(free_slots), gpus, memory, accepts
    )


def job(
    name: str = "a",
    workers: int = 1,
    *,
    least: int | None = None,
    priority: int = 1,
    age_s: float = 0,
    demand: Demand | None = None,
) -> WaitingJob:
    return WaitingJob(
        name, priority, NOW - timedelta(seconds=age_s), workers, least or workers, demand or Demand()
    )


def ask(queue: list[WaitingJob], workers: list[WorkerView]) -> dict[str, Place | Wait]:
    return {decision.job_id: decision for decision in schedule(Snapshot(NOW, tuple(queue), tuple(workers)))}


def test_a_gang_gets_all_its_workers_at_once() -> None:
    assert ask([job(workers=3)], [worker(slots=4)]) == {"a": Place("a", ("w1", "w1", "w1"))}


def test_a_gang_that_does_not_fit_gets_none() -> None:
    decision = ask([job(workers=3)], [worker(slots=4, free=2)])["a"]
    assert decision == Wait(
        "a", WaitCode.NO_FREE_SLOTS, "it needs 3 free slots at once and 2 are free", "ask for 2 workers"
    )


def test_gangs_stay_together_and_spread_only_when_they_must() -> None:
    assert ask([job(workers=2)], [worker("w1", 4, free=1), worker("w2", 4)])["a"] == Place("a", ("w2", "w2"))
    assert ask([job(workers=5)], [worker("w1", 4, free=1), worker("w2", 4)])["a"] == Place(
        "a", ("w2", "w2", "w2", "w2", "w1")
    )


def test_higher_priority_first_then_the_older() -> None:
    queue = [
        job("low", priority=2, age_s=30),
        job("new", age_s=1),
        job("old", age_s=20),
        job("high", priority=0),
    ]
    decisions = schedule(Snapshot(NOW, tuple(queue), (worker(slots=2),)))
    assert [(d.job_id, isinstance(d, Place)) for d in decisions] == [
        ("high", True),
        ("old", True),
        ("new", False),
        ("low", False),
    ]


def test_small_jobs_pass_a_large_one_until_its_patience_ends() -> None:
    workers = [worker(slots=4, free=2)]
    assert isinstance(ask([job("large", 4, age_s=10), job("small")], workers)["small"], Place)
    answer = ask([job("large", 4, age_s=61), job("small")], workers)["small"]
    assert isinstance(answer, Wait)
    assert answer.code is WaitCode.BEHIND_OTHERS
    assert "large" in answer.reason


def test_a_job_that_can_never_run_holds_nobody_up() -> None:
    queue = [job("impossible", 9, age_s=999), job("small")]
    answers = ask(queue, [worker(slots=4)])
    assert isinstance(answers["small"], Place)
    impossible = answers["impossible"]
    assert isinstance(impossible, Wait)
    assert impossible.code is WaitCode.IMPOSSIBLE
    assert "4 of these at most" in impossible.reason


def test_fewer_ranks_only_when_the_fleet_can_never_hold_all() -> None:
    assert ask([job(workers=6, least=2)], [worker(slots=4)])["a"] == Place("a", ("w1",) * 4)
    assert isinstance(ask([job(workers=4, least=2)], [worker(slots=4, free=3)])["a"], Wait)


def test_every_kind_of_resource_counts() -> None:
    demand = Demand(cpus=2, gpus=1, memory_bytes=3 * GIB)
    assert capacity(demand, [worker(slots=8, gpus=2)]) == 2
    assert capacity(Demand(cpus=0.5), [worker(slots=2)]) == 2, (
        "a task takes a slot, however little CPU it asks for"
    )
    answer = ask([job(demand=demand)], [replace(worker(slots=8, gpus=2), free_gpus=0.0)])["a"]
    assert isinstance(answer, Wait)
    assert answer.code is WaitCode.NO_FREE_RESOURCES
    assert "2 CPU + 1 GPU + 3 GiB" in answer.reason


def test_what_is_placed_first_is_gone_for_the_next() -> None:
    demand = Demand(memory_bytes=5 * GIB)
    answers = ask([job("a", demand=demand, age_s=2), job("b", demand=demand)], [worker(slots=4)])
    assert isinstance(answers["a"], Place)
    assert isinstance(answers["b"], Wait)


def test_nobody_there() -> None:
    for workers, words in (([], "no worker has joined"), ([worker(accepts=False)], "every worker drains")):
        answer = ask([job()], workers)["a"]
        assert isinstance(answer, Wait)
        assert answer.code is WaitCode.NO_WORKERS
        assert words in answer.reason


def test_too_big_for_any_worker() -> None:
    answer = ask([job(demand=Demand(gpus=1))], [worker()])["a"]
    assert isinstance(answer, Wait)
    assert answer.suggestion == "ask for less per worker, or add a worker"


def test_a_full_fleet_says_so() -> None:
    answer = ask([job()], [worker(free=0)])["a"]
    assert isinstance(answer, Wait)
    assert answer.suggestion == "it starts when a running job ends; or add a worker"


def test_after_a_failure_it_waits_its_time() -> None:
    backing_off = replace(job(), not_before=NOW + timedelta(seconds=2))
    answer = ask([backing_off], [worker()])["a"]
    assert isinstance(answer, Wait)
    assert answer.code is WaitCode.BACKING_OFF
    assert isinstance(ask([replace(job(), not_before=NOW)], [worker()])["a"], Place)


DEMANDS = st.builds(
    Demand, st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([0.0, 1.0]), st.sampled_from([0, GIB, 4 * GIB])
)
JOBS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 2), st.integers(0, 120), DEMANDS), max_size=8)
WORKERS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 6), st.sampled_from([0.0, 2.0]), st.booleans()), max_size=4
)


@given(JOBS, WORKERS)
@settings(max_examples=300, deadline=None)
def test_no_fleet_is_overbooked_and_every_job_gets_one_answer(
    jobs: list[tuple], workers: list[tuple]
) -> None:
    queue = [
        job(f"j{i}", size, priority=p, age_s=age, demand=demand)
        for i, (size, p, age, demand) in enumerate(jobs)
    ]
    fleet = [
        worker(f"w{i}", slots, free=min(free, slots), gpus=gpus, accepts=accepts)
        for i, (slots, free, gpus, accepts) in enumerate(workers)
    ]
    snapshot = Snapshot(NOW, tuple(queue), tuple(fleet))
    decisions = schedule(snapshot)
    assert decisions == schedule(snapshot)
    assert sorted(decision.job_id for decision in decisions) == sorted(found.id for found in queue)
    by_id = {found.id: found for found in queue}
    for view in fleet:
        taken = [
            by_id[d.job_id].demand
            for d in decisions
            if isinstance(d, Place)
            for name in d.worker_ids
            if name == view.id
        ]
        assert len(taken) <= (view.free_slots if view.accepts else 0)
        assert sum(demand.cpus for demand in taken) <= view.free_cpus or not taken
        assert sum(demand.gpus for demand in taken) <= view.free_gpus
        assert sum(demand.memory_bytes for demand in taken) <= view.free_memory_bytes
    for decision in decisions:
        if isinstance(decision, Place):
            assert len(decision.worker_ids) == by_id[decision.job_id].workers
