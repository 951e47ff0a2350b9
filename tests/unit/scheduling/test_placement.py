"""Placement: gangs whole or not at all, every kind of resource, and what each policy prefers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.scheduling.asking import places
from tests.unit.scheduling.scenes import GIB, fleet, job, runs, worker

from tensorfleet.scheduling.model import Demand, Policy, WorkerView
from tensorfleet.scheduling.placement import capacity


def test_a_gang_gets_all_its_workers_at_once() -> None:
    assert places(fleet([job(workers=3)], [worker(slots=4)])) == {"a": ("w1", "w1", "w1")}


def test_a_gang_that_does_not_fit_gets_none() -> None:
    assert places(fleet([job(workers=3)], [worker(slots=4, free=2)])) == {}


def test_gangs_stay_together_and_spread_only_when_they_must() -> None:
    views = [worker("w1", 4, free=1), worker("w2", 4)]
    assert places(fleet([job(workers=2)], views)) == {"a": ("w2", "w2")}
    assert places(fleet([job(workers=5)], views)) == {"a": ("w2", "w2", "w2", "w2", "w1")}


def test_the_tightest_hole_is_filled_first() -> None:
    views = [worker("w1", 4), worker("w2", 4, free=1), worker("w3", 4, free=2)]
    assert places(fleet([job(workers=1)], views)) == {"a": ("w2",)}
    assert places(fleet([job(workers=2)], views)) == {"a": ("w3", "w3")}


def test_a_job_without_gpus_leaves_them_to_others() -> None:
    views = [worker("w1", 2, gpus=2), worker("w2", 4)]
    assert places(fleet([job(workers=1)], views)) == {"a": ("w2",)}
    assert places(fleet([job(workers=1, demand=Demand(gpus=1))], views)) == {"a": ("w1",)}


def test_every_kind_of_resource_counts() -> None:
    demand = Demand(cpus=2, gpus=1, memory_bytes=3 * GIB)
    assert capacity(demand, [worker(slots=8, gpus=2)]) == 2
    assert capacity(Demand(cpus=0.5), [worker(slots=2)]) == 2, (
        "a task takes a slot, however little CPU it asks for"
    )
    assert capacity(Demand(), [replace(worker(), slots=-1)]) == 0
    assert places(fleet([job(demand=demand)], [replace(worker(slots=8, gpus=2), free_gpus=0.0)])) == {}


def test_what_is_placed_first_is_gone_for_the_next() -> None:
    demand = Demand(memory_bytes=5 * GIB)
    queue = [job("a", demand=demand, age_s=2), job("b", demand=demand)]
    assert places(fleet(queue, [worker(slots=4)])) == {"a": ("w1",)}


def test_an_elastic_job_takes_what_there_is() -> None:
    view = worker(slots=4, free=3)
    assert places(fleet([job(workers=6, least=2)], [view])) == {"a": ("w1",) * 3}
    assert places(fleet([job(workers=2, least=1)], [view])) == {"a": ("w1",) * 2}
    assert places(fleet([job(workers=6, least=4)], [view])) == {}


FOUR = [worker("w1", 4), worker("w2", 4), worker("w3", 2)]


@pytest.mark.parametrize(
    ("policy", "workers", "expected"),
    [
        (Policy.RESOURCE_FIT, 2, ("w3", "w3")),
        (Policy.ROUND_ROBIN, 2, ("w2", "w3")),
        (Policy.ROUND_ROBIN, 7, ("w2", "w2", "w2", "w3", "w3", "w1", "w1")),
        (Policy.LEAST_LOADED, 2, ("w2", "w3")),
        (Policy.LEAST_LOADED, 4, ("w2", "w2", "w3", "w1")),
        (Policy.AFFINITY, 2, ("w3", "w3")),
    ],
)
def test_what_each_policy_prefers(policy: Policy, workers: int, expected: tuple[str, ...]) -> None:
    """One slot of w1 is taken, by the job that started last."""
    scene = fleet([job(workers=workers)], FOUR, [runs("r", "w1")], policy=policy)
    assert places(scene) == {"a": expected}


def test_round_robin_goes_on_behind_the_last_and_begins_again() -> None:
    two = [job("a", age_s=2), job("b", age_s=1)]
    on_last = fleet(two, FOUR, [runs("r", "w3")], policy=Policy.ROUND_ROBIN)
    assert places(on_last) == {"a": ("w1",), "b": ("w2",)}
    assert places(replace(on_last, running=(replace(on_last.running[0], worker_ids=()),)))["a"] == ("w1",)


def test_affinity_keeps_a_whole_gang_where_its_data_is() -> None:
    def know(view: WorkerView) -> WorkerView:
        return replace(view, recent=("iris",)) if view.id == "w2" else view

    views = [know(view) for view in FOUR]
    scene = fleet([job(workers=4, affinity="iris")], views, policy=Policy.AFFINITY)
    assert places(scene) == {"a": ("w2",) * 4}
    assert places(replace(scene, queue=(job(workers=1, affinity="wine"),))) == {"a": ("w3",)}
    assert len(places(replace(scene, queue=(job(workers=5, affinity="iris"),)))["a"]) == 5
