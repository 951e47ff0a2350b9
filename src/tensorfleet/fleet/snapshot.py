"""From rows to the question that the scheduler answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.health.record import By
from tensorfleet.jobs.ports import LiveLease, QueuedJob
from tensorfleet.scheduling.model import (
    Demand,
    Policy,
    Quota,
    RunningJob,
    Snapshot,
    WaitingJob,
    WorkerView,
)

TRUSTED_PROGRESS = 0.02
"""Below this the progress of a job says nothing about its end yet."""


def demand_of(resources: dict[str, Any]) -> Demand:
    return Demand(float(resources["cpus"]), float(resources["gpus"]), int(resources["memory"]))


def take_snapshot(
    now: datetime,
    queue: Iterable[QueuedJob],
    workers: Iterable[Worker],
    leases: Sequence[LiveLease],
    *,
    quotas: Mapping[str, Quota] | None = None,
    over_budget: Mapping[str, str] | None = None,
    policy: Policy | str = Policy.RESOURCE_FIT,
    recent: Mapping[str, Sequence[str]] | None = None,
) -> Snapshot:
    """Everything that the scheduler looks at, at one instant.

    Args:
        recent: what each worker has run lately, as values of `QueuedJob.affinity`; only the policy `affinity` asks.
    """
    running = running_jobs(leases, now)
    return Snapshot(
        now,
        tuple(waiting_job(job) for job in queue),
        worker_views(workers, running, recent),
        running=running,
        quotas=quotas or {},
        over_budget=over_budget or {},
        policy=Policy(policy),
    )


def waiting_job(job: QueuedJob) -> WaitingJob:
    return WaitingJob(
        id=job.id,
        priority=job.priority,
        queued_at=job.created_at,
        workers=job.resources["workers"],
        min_workers=_min_workers(job.resources),
        demand=demand_of(job.resources),
        not_before=job.not_before,
        workspace=job.workspace,
        affinity=job.affinity,
        timeout_s=job.timeout_s,
    )


def _min_workers(resources: dict[str, Any]) -> int:
    return int(resources.get("min_workers") or resources["workers"])


def running_jobs(leases: Iterable[LiveLease], now: datetime) -> tuple[RunningJob, ...]:
    """The gangs that these leases make up."""
    gangs: dict[str, list[LiveLease]] = {}
    for lease in leases:
        gangs.setdefault(lease.job_id, []).append(lease)
    return tuple(_running_job(sorted(gang, key=lambda lease: lease.rank), now) for gang in gangs.values())


def _running_job(gang: list[LiveLease], now: datetime) -> RunningJob:
    first = gang[0]
    started_at = first.started_at or now
    return RunningJob(
        id=first.job_id,
        workspace=first.workspace,
        priority=first.priority,
        wanted_workers=first.resources["workers"],
        min_workers=_min_workers(first.resources),
        demand=demand_of(first.resources),
        worker_ids=tuple(lease.worker_id for lease in gang),
        started_at=started_at,
        expected_end_at=expected_end(started_at, first.progress, first.timeout_s, now),
        queued_at=first.queued_at,
        stopping=any(lease.stopping for lease in gang),
        affinity=first.affinity,
        attempt_workers=first.attempt_workers,
    )


def expected_end(
    started_at: datetime, progress: float, timeout_s: float | None, now: datetime
) -> datetime | None:
    """As the progress so far says, at the latest when the timeout ends it; None when there is neither."""
    ends = []
    if progress > TRUSTED_PROGRESS:
        ends.append(started_at + (now - started_at) / min(1.0, progress))
    if timeout_s is not None:
        ends.append(started_at + timedelta(seconds=timeout_s))
    return min(ends, default=None)


def worker_views(
    workers: Iterable[Worker],
    running: Iterable[RunningJob],
    recent: Mapping[str, Sequence[str]] | None = None,
) -> tuple[WorkerView, ...]:
    """What is free on each worker beside what runs.

    Args:
        recent: what each has run lately, beside what it runs now.
    """
    taken: dict[str, list[Demand]] = {}
    known: dict[str, list[str]] = {worker_id: list(names) for worker_id, names in (recent or {}).items()}
    for job in running:
        for worker_id in job.worker_ids:
            taken.setdefault(worker_id, []).append(job.demand)
            if job.affinity is not None:
                known.setdefault(worker_id, []).append(job.affinity)
    return tuple(
        worker_view(worker, taken.get(worker.id, []), tuple(dict.fromkeys(known.get(worker.id, ()))))
        for worker in workers
    )


def worker_view(worker: Worker, taken: Sequence[Demand], recent: tuple[str, ...]) -> WorkerView:
    """What is free on a worker beside what takes `taken` there."""
    # A slot is worth a CPU: a fleet told to run more tasks than it has cores shares them.
    cpus = max(float(worker.resources.get("cpus", 1)), float(worker.slots))
    gpus = float(len(worker.resources.get("gpus", [])))
    memory_bytes = int(worker.resources.get("memory_bytes", 0))
    low_disk = bool(worker.stats.get("low_disk"))
    held = worker.quarantine if worker.state is not WorkerState.LOST else None
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
        accepts=worker.state is WorkerState.ONLINE and not low_disk and held is None,
        draining=worker.state is WorkerState.DRAINING,
        low_disk=low_disk and worker.state is not WorkerState.LOST,
        recent=recent,
        quarantine=held.reason if held is not None else "",
        kept=held is not None and held.by is By.OPERATOR,
    )
