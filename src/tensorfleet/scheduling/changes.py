"""What a snapshot looks like after a change, and whether a job then starts: nothing is suggested that was not tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tensorfleet.scheduling.model import Change, ChangeKind, Quota, Snapshot, WaitingJob, WorkerView
from tensorfleet.scheduling.scheduler import Pass
from tensorfleet.scheduling.world import World


def starts(snapshot: Snapshot, job_id: str) -> bool:
    """Whether the job would be placed now."""
    return Pass(snapshot).until(job_id) is None


def helps(change: Change, snapshot: Snapshot, job_id: str) -> bool:
    return starts(apply(change, snapshot, job_id), job_id)


def apply(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    """The snapshot as it would be after the change."""
    changed = _APPLY[change.kind](change, snapshot, job_id)
    return apply(change.and_then, changed, job_id) if change.and_then is not None else changed


def waiting_job(snapshot: Snapshot, job_id: str) -> WaitingJob:
    """Raises LookupError: it does not wait."""
    found = next((job for job in snapshot.queue if job.id == job_id), None)
    if found is None:
        raise LookupError(job_id)
    return found


def _with_job(snapshot: Snapshot, job_id: str, change: Callable[[WaitingJob], WaitingJob]) -> Snapshot:
    queue = tuple(change(job) if job.id == job_id else job for job in snapshot.queue)
    return replace(snapshot, queue=queue)


def _with_workers(
    snapshot: Snapshot, worker_ids: tuple[str, ...], change: Callable[[WorkerView], WorkerView]
) -> Snapshot:
    workers = tuple(change(view) if view.id in worker_ids else view for view in snapshot.workers)
    return replace(snapshot, workers=workers)


def _wait_until(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    return replace(snapshot, now=change.until or snapshot.now)


def _lower_workers(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    count = change.workers or 1
    return _with_job(
        snapshot,
        job_id,
        # An elastic job keeps what it would like to have: only the least that it needs is lowered.
        lambda job: replace(
            job, workers=job.workers if job.min_workers < job.workers else count, min_workers=count
        ),
    )


def _lower_demand(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    return _with_job(snapshot, job_id, lambda job: replace(job, demand=change.demand or job.demand))


def _set_timeout(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    return _with_job(snapshot, job_id, lambda job: replace(job, timeout_s=change.timeout_s))


def _raise_priority(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    return _with_job(snapshot, job_id, lambda job: replace(job, priority=change.priority or 0))


def _accept(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    return _with_workers(
        snapshot,
        change.worker_ids,
        lambda view: replace(view, accepts=True, draining=False, low_disk=False, quarantine="", kept=False),
    )


def _end_job(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    world = World(snapshot)
    world.end(change.job_id or "")
    return world.snapshot()


def _raise_quota(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    workspace = waiting_job(snapshot, job_id).workspace
    return replace(snapshot, quotas={**snapshot.quotas, workspace: change.quota or Quota()})


def _raise_budget(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    mine = waiting_job(snapshot, job_id).workspace
    left = {name: why for name, why in snapshot.over_budget.items() if name != mine}
    return replace(snapshot, over_budget=left)


def _add_workers(change: Change, snapshot: Snapshot, job_id: str) -> Snapshot:
    demand = change.demand or waiting_job(snapshot, job_id).demand
    added = tuple(
        WorkerView(
            f"new-{len(snapshot.workers) + number}", 1, demand.cpus, demand.gpus, demand.memory_bytes,
            1, demand.cpus, demand.gpus, demand.memory_bytes,
        )
        for number in range(change.workers or 1)
    )  # fmt: skip
    return replace(snapshot, workers=snapshot.workers + added)


_APPLY: Mapping[ChangeKind, Callable[[Change, Snapshot, str], Snapshot]] = {
    ChangeKind.WAIT_UNTIL: _wait_until,
    ChangeKind.LOWER_WORKERS: _lower_workers,
    ChangeKind.LOWER_DEMAND: _lower_demand,
    ChangeKind.SET_TIMEOUT: _set_timeout,
    ChangeKind.RAISE_PRIORITY: _raise_priority,
    ChangeKind.UNDRAIN: _accept,
    ChangeKind.FREE_DISK: _accept,
    ChangeKind.RELEASE: _accept,
    ChangeKind.END_JOB: _end_job,
    ChangeKind.RAISE_QUOTA: _raise_quota,
    ChangeKind.RAISE_BUDGET: _raise_budget,
    ChangeKind.ADD_WORKERS: _add_workers,
}
