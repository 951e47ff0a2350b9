"""A quota of memory: what jobs ask for of it is a hard limit as slots are."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.scheduling.asking import places, why
from tests.unit.scheduling.scenes import GIB, fleet, job, runs, worker

from tensorfleet.scheduling.model import Demand, Quota, WaitCode

TWO = Demand(1.0, 0.0, 2 * GIB)


def test_memory_is_counted_and_told_and_the_change_is_enough() -> None:
    running = [runs("r", "w1", workspace="blue", demand=TWO)]
    scene = fleet([job("b", workspace="blue", demand=TWO)], [worker("w1", slots=8)], running)
    assert places(replace(scene, quotas={"blue": Quota(memory_bytes=4 * GIB)})) == {"b": ("w1",)}
    full = replace(scene, quotas={"blue": Quota(memory_bytes=3 * GIB)})
    assert places(full) == {}
    answer = why(full, "b")
    assert answer.code is WaitCode.OVER_QUOTA
    assert answer.reason.startswith("workspace blue uses 2 of 3 GiB of memory of its quota")
    assert answer.suggestion == "raise the quota of workspace blue to 4 GiB of memory"
    assert answer.evidence["used"]["memory_bytes"] == 2 * GIB
    assert answer.change is not None
    assert answer.change.quota == Quota(memory_bytes=4 * GIB)


def test_who_asks_for_none_needs_none() -> None:
    scene = fleet([job("b", workspace="blue")], [worker("w1")], quotas={"blue": Quota(memory_bytes=0)})
    assert places(scene) == {"b": ("w1",)}
