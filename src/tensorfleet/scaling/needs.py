"""What waits for workers, what of it new workers would help, and how much of the fleet is in use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from tensorfleet.fleet.ports import WorkerType
from tensorfleet.scaling.packing import Packing, Shop, holds
from tensorfleet.scheduling.model import Demand, Snapshot, WaitingJob, WorkerView
from tensorfleet.scheduling.order import in_order
from tensorfleet.scheduling.scheduler import Pass


@dataclass
class Needs:
    """Attributes:
    jobs: those that wait for workers which they could get, in the order of service, and how many ranks each may run;
        the scheduler looks at no more than the heads of the queue, and nor does this.
    soon: how many wait for the end of a back-off: they count against shrinking only.
    notes: what waits for something that no fleet within the limits can give.
    """

    jobs: list[tuple[WaitingJob, int]] = field(default_factory=list)
    soon: int = 0
    promised: int = 0
    """Jobs that start as soon as the workers that are coming have joined."""
    notes: list[str] = field(default_factory=list)
    free: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    """What the scheduler leaves of each worker."""
    possible: dict[Demand, int] = field(default_factory=dict)
    """Ranks that the fleet as it is, with those that are coming, could hold if it were empty."""

    @property
    def waiting(self) -> int:
        """All jobs that wait for workers which they could get."""
        return len(self.jobs) + self.promised


def needs_of(snapshot: Snapshot, shop: Shop, coming: Collection[str]) -> Needs:
    """Asks the scheduler what it would start with these workers; looks at what it leaves.

    Args:
        snapshot: with the workers that are `coming` as if they were here, and those that go not accepting.
    """
    run = Pass(snapshot)
    run.serve()
    placed = {place.job_id for place in run.places} | run.held.keys()
    promised = sum(any(worker_id in coming for worker_id in place.worker_ids) for place in run.places)
    found = Needs(promised=promised, free={worker_id: run.free.amounts(worker_id) for worker_id in run.views})
    largest: dict[Demand, int] = {}
    left = replace(snapshot, queue=tuple(job for job in snapshot.queue if job.id not in placed))
    for job in in_order(left, run.shares):
        if job.not_before is not None and job.not_before > snapshot.now:
            found.soon += 1
            continue
        if job.workspace in snapshot.over_budget:
            continue
        allowed = run.shares.allowance(job.workspace, job.demand)
        if allowed < job.min_workers or job.workspace in run.quota_kept_for:
            continue  # it waits for its quota: workers would not help it
        if job.demand not in largest:
            now = found.possible[job.demand] = run.capacity(job.demand)
            largest[job.demand] = max(now, shop.ever(job.demand))
        if largest[job.demand] < job.min_workers:
            found.notes.append(_never(job, shop, largest[job.demand]))
            continue
        found.jobs.append((job, allowed))
        run.shares.charge(job.workspace, job.demand, job.min_workers)
    return found


def _never(job: WaitingJob, shop: Shop, ever: int) -> str:
    if ever == 0:
        names = ", ".join(kind.name for kind in shop.types)
        return f"job {job.id} is not grown for: none of the types {names} holds one worker of it"
    return (
        f"job {job.id} is not grown for: it needs {job.min_workers} workers at once, "
        f"and within the limits there can be {ever}"
    )


def opened_for(needs: Needs, packing: Packing, step: int) -> tuple[list[WorkerType], int, bool]:
    """New workers for what waits, at most `step` of them, but always all that the first job needs.

    Returns:
        They, the number of jobs that they are for, and whether a job found no place within the maximum.
    """
    opened: list[WorkerType] = []
    served, refused = 0, False
    for job, allowed in needs.jobs:
        if opened and len(opened) >= step:
            break
        more = packing.add(job, allowed)
        if more is None:
            refused = True
            continue
        if opened and len(opened) + len(more) > step:
            break
        opened += more
        served += 1
    return opened, served, refused


def load_of(views: Iterable[WorkerView]) -> tuple[float, float]:
    """Slots in use, and slots; a worker whose CPUs, GPUs or memory are all taken is full, whatever its slots say."""
    used = slots = 0.0
    for view in views:
        if view.accepts:
            slots += view.slots
            used += view.slots * _part(view)
    return used, slots


def _part(view: WorkerView) -> float:
    amounts = (
        (view.slots, view.free_slots),
        (view.cpus, view.free_cpus),
        (view.gpus, view.free_gpus),
        (view.memory_bytes, view.free_memory_bytes),
    )
    return min(1.0, max((1 - free / has for has, free in amounts if has > 0), default=0.0))


def like_those_that_run(snapshot: Snapshot, shop: Shop, count: int) -> list[WorkerType]:
    """Workers before anything waits: the next jobs are taken to be like the latest ones."""
    latest = sorted(snapshot.running, key=lambda job: (job.started_at, job.id), reverse=True)
    demands = [*(job.demand for job in latest[:1]), Demand()]
    opened: list[WorkerType] = []
    while len(opened) < count:
        kind = next((kind for demand in demands if (kind := shop.choose(demand, _most(shop, demand)))), None)
        if kind is None:
            break
        shop.add(kind)
        opened.append(kind)
    return opened


def _most(shop: Shop, demand: Demand) -> int:
    """So many ranks that every type can be filled: then the cheapest for each of its slots is taken."""
    return max(1, *(holds(size, demand) for size in shop.sizes.values()))
