"""What must hold over time: nobody starves, nobody is stopped in vain, and two jobs do not push each other out for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.scheduling.life import Life
from tests.unit.scheduling.scenes import NOW, fleet, job, runs, worker

from tensorfleet.scheduling.model import Place, Preempt, Resize

SEEDS = st.integers(0, 2**32)
LONGEST_S = 60


def _crowded(random: Random, tell: Callable[[float], float | None]) -> Life:
    """Two workspaces whose small jobs never end to come, and a gang of `red` that needs nearly all slots."""
    sizes = [random.randint(2, 4) for _ in range(random.randint(1, 3))]
    views = [worker(f"w{i}", slots) for i, slots in enumerate(sizes)]
    lengths = {f"s{i}": random.randint(1, LONGEST_S) for i in range(5000)}
    told = {name: tell(length) for name, length in lengths.items()}
    life = Life(
        replace(fleet(workers=views), starve_after_s=300),
        lambda name: lengths.get(name, 1000.0),
        lambda name: told.get(name),
    )
    gang = job("gang", sum(sizes) - random.randint(0, 1), workspace="red")
    names = iter(lengths)
    for second in range(900):
        while len(life.world.waiting) - ("gang" in life.world.waiting) < 6:
            name = next(names)
            # A timeout is a promise that is kept; half of the jobs make one.
            limit_s = lengths[name] + random.randint(0, 30) if random.random() < 0.5 else None
            life.submit(job(name, 1, workspace=random.choice(["red", "blue"]), timeout_s=limit_s))
        if second == 20:
            life.submit(gang)
        life.second()
        if "gang" in life.started:
            return life
    return life


@pytest.mark.parametrize("honest", ["exact", "unknown", "too short", "too long"])
@given(seed=SEEDS)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_a_large_gang_never_starves(honest: str, seed: int) -> None:
    random = Random(seed)
    tell: dict[str, Callable[[float], float | None]] = {
        "exact": lambda length: length,
        "unknown": lambda length: None,
        "too short": lambda length: length * random.uniform(0.05, 1),
        "too long": lambda length: length * random.uniform(1, 20),
    }
    life = _crowded(random, tell[honest])
    assert "gang" in life.started
    waited = life.started["gang"] - (NOW + timedelta(seconds=20))
    # Its patience or, where the other workspace's share lets that go first, until it counts as starved; then what runs ends.
    assert waited <= timedelta(seconds=300 + 3 * LONGEST_S)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_is_made_free_for_a_job_goes_to_that_job(seed: int) -> None:
    random = Random(seed)
    views = [worker(f"w{i}", random.randint(1, 4)) for i in range(random.randint(1, 3))]
    slots = [view.id for view in views for _ in range(view.slots)]
    low = [
        runs(
            f"low{i}",
            slot,
            priority=random.choice([1, 2]),
            ran_s=random.randint(6, 100),
            waited_s=random.randint(0, 99),
        )
        for i, slot in enumerate(slots)
    ]
    stop_s = {found.id: random.randint(1, 6) for found in low}
    life = Life(
        fleet(workers=views, running=low), lambda name: 10_000, stop_s=lambda name: stop_s.get(name, 1)
    )
    life.submit(job("high", random.randint(1, len(slots)), priority=0))
    for second in range(30):
        life.submit(job(f"late{second}", random.randint(1, 2), priority=random.choice([1, 2]), timeout_s=1))
        life.second()
    assert life.started["high"] <= NOW + timedelta(seconds=1 + 6)
    stops = [
        (at, found) for at, found in life.history if isinstance(found, Preempt) and found.for_job == "high"
    ]
    assert {at for at, _ in stops} == {NOW + timedelta(seconds=1)}, "it asked once, for all that it needed"
    before = [
        found.job_id for at, found in life.history if isinstance(found, Place) and at < life.started["high"]
    ]
    assert before == [], "nothing else took the room"
    assert not any(isinstance(found, Resize) for _, found in life.history)


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_workspaces_come_to_their_shares_and_then_leave_each_other_alone(seed: int) -> None:
    random = Random(seed)
    views = [worker(f"w{i}", random.randint(1, 4)) for i in range(random.randint(1, 3))]
    slots = [view.id for view in views for _ in range(view.slots)]
    blue = [
        runs(f"blue{i}", slot, workspace="blue", ran_s=random.randint(0, 50), waited_s=random.randint(0, 900))
        for i, slot in enumerate(slots)
    ]
    life = Life(fleet(workers=views, running=blue), lambda name: 100_000)
    for number in range(len(slots)):
        life.submit(job(f"red{number}", workspace="red"))
    for _ in range(200):
        life.second()
    stopped = [found for _, found in life.history if isinstance(found, Preempt)]
    assert len(stopped) == len(slots) // 2
    assert all(found.job_id.startswith("blue") and found.for_job.startswith("red") for found in stopped)
    assert sum(name.startswith("red") for name in life.world.running) == len(slots) // 2
