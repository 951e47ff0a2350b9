"""`schedule(snapshot) -> decisions`: priority first, then order of arrival; a gang is placed whole or not at all.

Smaller jobs may pass one that does not fit yet, until it has waited for `patience_s`; from then on what becomes free is kept
for it, so that a large gang cannot starve.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tensorfleet.scheduling.model import (
    Decision,
    Demand,
    Place,
    Snapshot,
    Wait,
    WaitCode,
    WaitingJob,
    WorkerView,
)


def schedule(snapshot: Snapshot) -> tuple[Decision, ...]:
    """One decision for each waiting job, in the order in which they are served."""
    workers = {worker.id: worker for worker in snapshot.workers if worker.accepts}
    decisions: list[Decision] = []
    reserved_for: WaitingJob | None = None
    for job in sorted(snapshot.queue, key=lambda job: (job.priority, job.queued_at, job.id)):
        if job.not_before is not None and job.not_before > snapshot.now:
            wait_s = (job.not_before - snapshot.now).total_seconds()
            decisions.append(
                Wait(
                    job.id,
                    WaitCode.BACKING_OFF,
                    f"it is tried again in {wait_s:.1f} s, after a failed attempt",
                )
            )
            continue
        if reserved_for is not None:
            decisions.append(_behind(job, reserved_for))
            continue
        placed = _fit(job, workers)
        if placed is None:
            decisions.append(_explain(job, snapshot.workers, workers))
            could_ever = capacity(job.demand, workers.values()) >= job.min_workers
            if could_ever and (snapshot.now - job.queued_at).total_seconds() >= snapshot.patience_s:
                reserved_for = job
            continue
        for worker_id in placed:
            workers[worker_id] = _take(workers[worker_id], job.demand)
        decisions.append(Place(job.id, placed))
    return tuple(decisions)


def _fit(job: WaitingJob, workers: dict[str, WorkerView]) -> tuple[str, ...] | None:
    """Workers for all ranks, packed on as few machines as possible; fewer ranks only when the fleet could never hold all."""
    wanted = min(job.workers, max(capacity(job.demand, workers.values()), job.min_workers))
    chosen: list[str] = []
    # The fullest worker that still has room first: gangs stay together and large holes stay large.
    for worker in sorted(workers.values(), key=lambda w: (-_room(w, job.demand), w.free_slots, w.id)):
        chosen += [worker.id] * min(_room(worker, job.demand), wanted - len(chosen))
        if len(chosen) == wanted:
            return tuple(chosen)
    return None


def _room(worker: WorkerView, demand: Demand) -> int:
    """How many more tasks of this kind the worker can take now."""
    return _times(worker.free_slots, worker.free_cpus, worker.free_gpus, worker.free_memory_bytes, demand)


def capacity(demand: Demand, workers: Iterable[WorkerView]) -> int:
    """How many such tasks the workers could hold if they were empty."""
    return sum(_times(w.slots, w.cpus, w.gpus, w.memory_bytes, demand) for w in workers)


def _times(slots: int, cpus: float, gpus: float, memory_bytes: int, demand: Demand) -> int:
    limits = [slots, int(cpus / demand.cpus + 1e-9)]
    if demand.gpus:
        limits.append(int(gpus / demand.gpus + 1e-9))
    if demand.memory_bytes:
        limits.append(memory_bytes // demand.memory_bytes)
    return max(0, min(limits))


def _take(worker: WorkerView, demand: Demand) -> WorkerView:
    return replace(
        worker,
        free_slots=worker.free_slots - 1,
        free_cpus=worker.free_cpus - demand.cpus,
        free_gpus=worker.free_gpus - demand.gpus,
        free_memory_bytes=worker.free_memory_bytes - demand.memory_bytes,
    )


def _behind(job: WaitingJob, first: WaitingJob) -> Wait:
    return Wait(
        job.id,
        WaitCode.BEHIND_OTHERS,
        f"job {first.id} has waited longest and gets the next free slots",
        "give this job a higher priority than that one",
    )


def _explain(job: WaitingJob, everybody: tuple[WorkerView, ...], accepting: dict[str, WorkerView]) -> Wait:
    if not accepting:
        away = "every worker drains or does not answer" if everybody else "no worker has joined the fleet"
        help_ = "start a worker, or end a drain with `tensorfleet workers drain WORKER --undo`"
        return Wait(job.id, WaitCode.NO_WORKERS, away, help_)
    possible = capacity(job.demand, accepting.values())
    if possible < job.min_workers:
        need = f"it needs {job.min_workers} workers of {_describe(job.demand)}; the fleet can hold {possible} of these at most"
        return Wait(
            job.id,
            WaitCode.IMPOSSIBLE,
            need,
            f"ask for {possible} workers" if possible else "ask for less per worker, or add a worker",
        )
    wanted = min(job.workers, possible)
    free_slots = sum(worker.free_slots for worker in accepting.values())
    if free_slots < wanted:
        reason = f"it needs {wanted} free slots at once and {free_slots} are free"
        suggestion = (
            f"ask for {free_slots} workers"
            if free_slots >= 1
            else "it starts when a running job ends; or add a worker"
        )
        return Wait(job.id, WaitCode.NO_FREE_SLOTS, reason, suggestion)
    room = sum(_room(worker, job.demand) for worker in accepting.values())
    reason = f"it needs {wanted} workers of {_describe(job.demand)} at once; what is free now holds {room} of these"
    return Wait(
        job.id,
        WaitCode.NO_FREE_RESOURCES,
        reason,
        "ask for less per worker, or wait until a running job ends",
    )


def _describe(demand: Demand) -> str:
    parts = [f"{demand.cpus:g} CPU"]
    if demand.gpus:
        parts.append(f"{demand.gpus:g} GPU")
    if demand.memory_bytes:
        parts.append(f"{demand.memory_bytes / 1024**3:.2g} GiB")
    return " + ".join(parts)
