"""Small fleets and queues, and strategies for random ones in which what is free and what runs agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import settings
from hypothesis import strategies as st

from tensorfleet.scheduling.model import (
    Demand,
    Policy,
    Quota,
    RunningJob,
    Snapshot,
    WaitingJob,
    WorkerView,
)
from tensorfleet.scheduling.world import freed

NOW = datetime(2026, 3, 4, tzinfo=UTC)
GIB = 1024**3
WORKSPACES = ("red", "blue")
RANDOM = settings(max_examples=100, deadline=None, derandomize=True)


def worker(
    name: str = "w1",
    slots: int = 4,
    *,
    free: int | None = None,
    gpus: float = 0,
    memory: int = 8 * GIB,
    accepts: bool = True,
) -> WorkerView:
    left = slots if free is None else free
    return WorkerView(name, slots, float(slots), gpus, memory, left, float(left), gpus, memory, accepts)


def job(
    name: str = "a",
    workers: int = 1,
    *,
    least: int | None = None,
    priority: int = 1,
    age_s: float = 0,
    demand: Demand | None = None,
    workspace: str = "default",
    timeout_s: float | None = None,
    affinity: str | None = None,
) -> WaitingJob:
    return WaitingJob(
        name,
        priority,
        NOW - timedelta(seconds=age_s),
        workers,
        least or workers,
        demand or Demand(),
        workspace=workspace,
        timeout_s=timeout_s,
        affinity=affinity,
    )


def runs(
    name: str,
    *on: str,
    ends_s: float | None = None,
    ran_s: float = 100,
    priority: int = 1,
    wanted: int | None = None,
    least: int | None = None,
    demand: Demand | None = None,
    workspace: str = "default",
    stopping: bool = False,
    waited_s: float = 0,
) -> RunningJob:
    """A job with one rank on each of the workers named, in this order."""
    started_at = NOW - timedelta(seconds=ran_s)
    return RunningJob(
        name,
        workspace,
        priority,
        wanted or len(on),
        least or wanted or len(on),
        demand or Demand(),
        on,
        started_at,
        NOW + timedelta(seconds=ends_s) if ends_s is not None else None,
        started_at - timedelta(seconds=waited_s),
        stopping=stopping,
    )


def fleet(
    queue: Iterable[WaitingJob] = (),
    workers: Iterable[WorkerView] = (),
    running: Iterable[RunningJob] = (),
    *,
    quotas: dict[str, Quota] | None = None,
    policy: Policy = Policy.RESOURCE_FIT,
) -> Snapshot:
    """The workers are given empty; what runs is taken off them."""
    views = {view.id: view for view in workers}
    for found in running:
        for worker_id in found.worker_ids:
            views[worker_id] = freed(views[worker_id], found.demand, -1)
    return Snapshot(
        NOW,
        tuple(queue),
        tuple(views.values()),
        running=tuple(running),
        quotas=quotas or {},
        policy=policy,
    )


def snapshots(*, workers: tuple[int, ...] = (0, 1, 2, 2, 2, 3, 3, 3, 4, 4)) -> st.SearchStrategy[Snapshot]:
    """From seeds: a scene that is drawn evenly meets far more kinds of waiting than one that Hypothesis builds up."""
    return st.integers(0, 2**48).map(lambda seed: random_snapshot(Random(seed), workers))


def random_snapshot(random: Random, workers: tuple[int, ...] = (2, 3)) -> Snapshot:
    # Alike in demand, or not at all: with many kinds of demand hardly two jobs ever want the same thing.
    demands = DEMANDS if random.random() < 0.5 else (Demand(),)
    views = {f"w{i}": _random_view(random, f"w{i}") for i in range(random.choice(workers))}
    running = [
        found
        for number in range(random.randint(0, 8) if views else 0)
        if (found := _random_running(random, f"r{number}", views, random.choice(demands)))
    ]
    return Snapshot(
        NOW,
        tuple(_random_job(random, f"j{i}", random.choice(demands)) for i in range(random.randint(1, 6))),
        tuple(views.values()),
        running=tuple(running),
        quotas=_random_quotas(random) if random.random() < 0.4 else {},
        policy=random.choice(list(Policy)),
    )


DEMANDS = (
    *(
        Demand(cpus, gpus, memory)
        for cpus in (0.5, 1.0, 2.0)
        for gpus in (0.0, 1.0)
        for memory in (0, 4 * GIB)
    ),
    Demand(),
    Demand(1.0, 0.0, GIB),
)


def _random_job(random: Random, name: str, demand: Demand) -> WaitingJob:
    workers = random.randint(1, 6)
    found = job(
        name,
        workers,
        least=random.randint(1, workers) if random.random() < 0.3 else workers,
        priority=random.choice([0, 1, 1, 1, 2]),
        age_s=random.choice([0, 5, 30, 61, 400, 100_000]),
        demand=demand,
        workspace=random.choice(WORKSPACES),
        timeout_s=random.choice([None, 5.0, 50.0, 500.0]),
        affinity=random.choice([None, "iris"]),
    )
    backoff_s = random.choice([0] * 8 + [-1, 3])
    return replace(found, not_before=NOW + timedelta(seconds=backoff_s)) if backoff_s else found


def _random_view(random: Random, name: str) -> WorkerView:
    view = worker(name, random.randint(1, 6), gpus=random.choice([0.0, 0.0, 2.0]))
    state = random.choice(["on"] * 7 + ["draining", "low disk", "lost", "sick"])
    return replace(
        view,
        accepts=state == "on",
        draining=state == "draining",
        low_disk=state == "low disk",
        quarantine="its clock is ahead" if state == "sick" else "",
        recent=random.choice([(), ("iris",)]),
    )


def _random_running(
    random: Random, name: str, views: dict[str, WorkerView], demand: Demand
) -> RunningJob | None:
    on = []
    for worker_id in random.choices(sorted(views), k=random.randint(1, 3)):
        left = freed(views[worker_id], demand, -1)
        if min(left.free_slots, left.free_cpus, left.free_gpus, left.free_memory_bytes) >= 0:
            views[worker_id] = left
            on.append(worker_id)
    if not on:
        return None
    return runs(
        name,
        *on,
        ends_s=random.choice([None, -5, 10, 100, 1000]),
        ran_s=random.choice([1, 30, 90, 5000]),
        priority=random.choice([0, 1, 1, 1, 2]),
        wanted=len(on) + random.randint(0, 2),
        least=len(on),
        demand=demand,
        workspace=random.choice(WORKSPACES),
        stopping=random.random() < 0.2,
    )


def _random_quotas(random: Random) -> dict[str, Quota]:
    return {
        workspace: Quota(
            slots=random.choice([None, 2, 6]),
            cpus=random.choice([None, None, 4.0]),
            gpus=random.choice([None, None, 1.0]),
            memory_bytes=random.choice([None, None, 4 * GIB]),
            weight=random.choice([1.0, 3.0]),
        )
        for workspace in WORKSPACES
        if random.random() < 0.7
    }
