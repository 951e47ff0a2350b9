"""From rows to the question that placement answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.jobs.ports import LiveLease, QueuedJob
from tensorfleet.scheduling.model import Demand, Snapshot, WaitingJob, WorkerView


def demand_of(resources: dict[str, Any]) -> Demand:
    return Demand(float(resources["cpus"]), float(resources["gpus"]), int(resources["memory"]))


def take_snapshot(
    now: datetime, queue: Iterable[QueuedJob], workers: Iterable[Worker], leases: Sequence[LiveLease]
) -> Snapshot:
    """Everything that placement looks at, at one instant."""
    waiting = tuple(
        WaitingJob(
            id=job.id,
            priority=job.priority,
            queued_at=job.created_at,
            workers=job.resources["workers"],
            min_workers=job.resources.get("min_workers") or job.resources["workers"],
            demand=demand_of(job.resources),
            not_before=job.not_before,
        )
        for job in queue
    )
    taken: dict[str, list[Demand]] = {}
    for lease in leases:
        taken.setdefault(lease.worker_id, []).append(demand_of(lease.resources))
    return Snapshot(now, waiting, tuple(_view(worker, taken.get(worker.id, [])) for worker in workers))


def _view(worker: Worker, taken: list[Demand]) -> WorkerView:
    # A slot is worth a CPU: a fleet told to run more tasks than it has cores shares them.
    cpus = max(float(worker.resources.get("cpus", 1)), float(worker.slots))
    gpus = float(len(worker.resources.get("gpus", [])))
    memory_bytes = int(worker.resources.get("memory_bytes", 0))
    return WorkerView(
        id=worker.id,
        slots=worker.slots,
        cpus=cpus,
        gpus=gpus,
        memory_bytes=memory_bytes,
        free_slots=worker.slots - len(taken),
        free_cpus=cpus - sum(demand.cpus for demand in taken),
        free_gpus=gpus - sum(demand.gpus for demand in taken),
        free_memory_bytes=memory_bytes - sum(demand.memory_bytes for demand in taken),
        accepts=worker.state is WorkerState.ONLINE,
    )
