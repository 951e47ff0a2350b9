"""What always holds, on fleets that live for a while under random loads."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.scaling.fleets import Life, at, job

from tensorfleet.fleet.ports import WorkerType
from tensorfleet.scaling.model import Action, Limits
from tensorfleet.scaling.windows import Window
from tensorfleet.scheduling.model import Demand

LIVES = settings(max_examples=30, deadline=None, derandomize=True)
SMALL = WorkerType("small", 1, cpus=1, cost_per_hour=1)
LARGE = WorkerType("large", 4, cpus=4, cost_per_hour=3)
SPOT = WorkerType("spot", 2, cpus=2, cost_per_hour=0.5, spot=True, most=3)
GPU = WorkerType("gpu", 1, cpus=1, gpus=1, cost_per_hour=10, most=2)
DEMANDS = (Demand(), Demand(), Demand(2), Demand(1, 1.0))


def random_limits(random: Random) -> Limits:
    kinds = [kind for kind in (LARGE, SPOT, GPU) if random.random() < 0.5]
    least = random.choice((0, 0, 1, 3))
    windows = (Window(least + 1, 12 * 60, 12 * 60 + 5),) if random.random() < 0.3 else ()
    return Limits(
        (SMALL, *kinds),
        least,
        random.choice((4, 6, 12)),
        max_queue=random.choice((0, 0, 3)),
        cool_down_s=random.choice((0.0, 30.0, 60.0)),
        join_s=120,
        spot_share=random.choice((0.0, 0.5, 1.0)),
        schedule=windows,
    )


@LIVES
@given(st.integers(0, 2**48))
def test_bounds_leases_and_the_unknown(seed: int) -> None:
    """`Life` checks at every step: never outside the bounds, never a leased worker, never less on the unknown."""
    random = Random(seed)
    sickness = random.choice((0.0, 0.05))
    life = Life(random_limits(random), random.choice((0, 20, 60)), random, trouble=0.2, sickness=sickness)
    for step in range(60):
        if step < 40 and random.random() < 0.4:
            for i in range(random.randint(1, 4)):
                least = random.randint(1, 4)
                waiting = job(f"j{step}-{i}", random.randint(least, 5), random.choice(DEMANDS), least)
                life.submit(waiting, random.choice((5, 40, 200)))
        life.step()


@LIVES
@given(st.integers(0, 2**48))
def test_every_finite_queue_is_emptied_and_the_fleet_goes_back_to_its_minimum(seed: int) -> None:
    random = Random(seed)
    limits = random_limits(random)
    life = Life(limits, 20, random)
    for i in range(random.randint(1, 12)):
        workers = random.randint(1, 4)
        life.submit(
            job(f"j{i}", workers, random.choice(DEMANDS), random.randint(1, workers)), random.choice((5, 60))
        )
    for _ in range(150):
        life.step()
    last = life.decisions[-1]
    impossible = {note.split()[1] for note in last.notes}
    assert set(life.waiting) == impossible, "the rest was run"
    assert len(life.agents) == limits.least_at(at(life.now_s))
    assert last.action is Action.HOLD


@LIVES
@given(st.integers(0, 12), st.integers(0, 3), st.floats(0.0, 0.75), st.floats(0.0, 0.2), st.integers(0, 60))
def test_a_constant_load_does_not_make_it_swing(
    busy: int, least: int, down: float, gap: float, cool_down_s: int
) -> None:
    life = Life(Limits((SMALL,), least, 20, min(1.0, down + 0.05 + gap), down, cool_down_s=cool_down_s))
    for i in range(busy):
        life.submit(job(f"j{i}"), 1e9)
    for _ in range(60):
        life.step()
    settled = life.sizes[-20:]
    assert len(set(settled)) == 1, "it stands still after a while"
    ups = [i for i, decision in enumerate(life.decisions) if decision.action is Action.GROW]
    downs = [i for i, decision in enumerate(life.decisions) if decision.action is Action.SHRINK]
    assert not ups or not downs or max(ups) < min(downs), "up, then perhaps down, and never up again"
    assert settled[0] >= busy


def test_the_steps_are_of_a_half_and_of_three_tenths() -> None:
    life = Life(Limits((SMALL,), 0, 40, cool_down_s=0), joins_after_s=0)
    for i in range(20):
        life.submit(job(f"j{i:02}"), 200)
    targets = [life.step().signal.desired for _ in range(8)]
    assert targets == [1, 2, 3, 5, 8, 12, 18, 20], "by half each time, and no more than what waits needs"
    for _ in range(40):
        life.step()
    downs = [d.signal.desired for d in life.decisions if d.action is Action.SHRINK]
    assert downs[-1] == 0
    assert all(after >= int(before * 0.7) for before, after in pairwise(downs))
