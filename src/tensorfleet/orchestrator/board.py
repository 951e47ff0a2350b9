"""Who waits, what runs and what there is, in memory: read once from the database, then kept in step with what is written.

The orchestrator is the only writer of lifecycle state, so its own writes and the submissions in the event log are all that can
change the picture.  After a transaction that failed it is read anew.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from tensorfleet.fleet.model import Worker
from tensorfleet.fleet.snapshot import demand_of, expected_end, running_jobs, waiting_job, worker_view
from tensorfleet.jobs.machine import BACKOFF_MOST_S
from tensorfleet.jobs.model import JobState, JobStatus
from tensorfleet.jobs.ports import QueuedJob
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.orchestrator.lines import Lines
from tensorfleet.quotas.store import stored_limits
from tensorfleet.scheduling.model import (
    Demand,
    Policy,
    Quota,
    RunningJob,
    Snapshot,
    WaitingJob,
    WorkerView,
)

QUEUE_LIMIT = 100_000
RECENT = 32
REST, REST_MOST_S = 1.5, 0.05
"""After each look, this many times as long as it took is left for other work, and never more than REST_MOST_S."""
LOOK_AGAIN_S = 0.5
"""Decisions also follow from time alone: the end of a back-off, of a patience, of a minimum run time."""


class Board:
    """The scheduler's picture.  `workers` is kept by the room; everything else follows the transactions.

    `_views` has what is free on each worker, without those on which something has changed since.
    """

    def __init__(self, policy: Policy, quotas: Mapping[str, Quota], grow_after_s: float = 30.0) -> None:
        """`quotas` are those of the settings; what was set since goes before them."""
        self.workers: dict[str, Worker] = {}
        self._policy = policy
        self._quotas = self._usual_quotas = quotas
        self._grow_after_s = grow_after_s
        self._over_budget: Mapping[str, str] = {}
        self._waiting = Lines()
        self._running: dict[str, RunningJob] = {}
        self._rendezvous: dict[str, str] = {}
        self._timeouts: dict[str, float | None] = {}
        self._recent: dict[str, deque[str]] = {}
        self._views: dict[str, WorkerView] = {}
        self._position = 0
        self._stale = True
        self._changed = True
        self._looked = self._next_look = 0.0

    def forget(self) -> None:
        """The next transaction reads everything anew."""
        self._stale = True

    def know_worker(self, worker: Worker) -> None:
        """A worker has joined, or is not as it was."""
        self.workers[worker.id] = worker
        self._views.pop(worker.id, None)
        self._changed = True

    def forget_worker(self, worker_id: str) -> None:
        """A worker has left for good."""
        # Anew, not changed: others may be walking along it.
        self.workers = {known: worker for known, worker in self.workers.items() if known != worker_id}
        self._views.pop(worker_id, None)
        self._recent.pop(worker_id, None)

    @property
    def worker_types(self) -> dict[str, str]:
        """Of which type each worker is, where it says so."""
        told = ((worker.id, worker.resources.get("type")) for worker in self.workers.values())
        return {worker_id: str(name)[:64] for worker_id, name in told if name}

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def hold_back(self, over_budget: Mapping[str, str]) -> None:
        """From now on nothing of these workspaces starts; each comes with the reason."""
        self._changed = self._changed or over_budget.keys() != self._over_budget.keys()
        self._over_budget = over_budget

    def running_of(self, workspace: str) -> list[str]:
        """The workspace's jobs that run and have not been told to stop."""
        mine = (job for job in self._running.values() if job.workspace == workspace and not job.stopping)
        return sorted(job.id for job in mine)

    @property
    def in_step(self) -> bool:
        """Whether this is what the database says, as far as is known: not after a transaction that failed."""
        return not self._stale

    def refresh(self, tx: SqlJobTransaction, now: datetime) -> None:
        """Takes in what was submitted since the last transaction."""
        if self._stale:
            self._read(tx, now)
        new, self._position, other_quotas = tx.submitted_after(self._position)
        for job in new:
            self._waiting.add(waiting_job(job))
        if other_quotas:
            self._read_quotas(tx)
        self._changed = self._changed or bool(new) or other_quotas

    def _read_quotas(self, tx: SqlJobTransaction) -> None:
        set_by_people = {name: limits.running for name, limits in stored_limits(tx.connection).items()}
        self._quotas = {**self._usual_quotas, **set_by_people}

    def _read(self, tx: SqlJobTransaction, now: datetime) -> None:
        self._position = tx.newest_event()
        self._waiting = Lines()
        for job in tx.queue(QUEUE_LIMIT):
            self._waiting.add(_sound(waiting_job(job), now))
        leases = tx.live_leases()
        self._running = {job.id: job for job in running_jobs(leases, now)}
        self._rendezvous = {lease.job_id: lease.rendezvous for lease in leases if lease.rendezvous}
        self._timeouts = {lease.job_id: lease.timeout_s for lease in leases}
        self._read_quotas(tx)
        self._views.clear()
        self._stale, self._changed = False, True

    def follow(self, touched: Mapping[str, tuple[QueuedJob, JobState]], now: datetime) -> None:
        """Takes in the jobs that the transaction wrote."""
        for job_id, (job, state) in touched.items():
            before = self._running.pop(job_id, None)
            self._waiting.discard(job_id)
            self._rendezvous.pop(job_id, None)
            self._timeouts.pop(job_id, None)
            if state.status is JobStatus.QUEUED:
                self._waiting.add(waiting_job(job))
            elif state.status is JobStatus.RUNNING:
                self._follow_running(job, state, before, now)
            if before is None or before != self._running.get(job_id):
                self._changed = True
                self._forget_views(before, self._running.get(job_id))

    def _follow_running(
        self, job: QueuedJob, state: JobState, before: RunningJob | None, now: datetime
    ) -> None:
        running = self._running[job.id] = _running(job, state, before, now)
        self._timeouts[job.id] = job.timeout_s
        if before is None:
            self._note_recent(running)
        if state.tasks[0].lease.rendezvous:
            self._rendezvous[job.id] = state.tasks[0].lease.rendezvous

    def _forget_views(self, *changed: RunningJob | None) -> None:
        for job in changed:
            for worker_id in job.worker_ids if job else ():
                self._views.pop(worker_id, None)

    def _note_recent(self, job: RunningJob) -> None:
        """What a worker ran lately is in its cache: the policy `affinity` asks for it."""
        for worker_id in set(job.worker_ids) if job.affinity else ():
            known = self._recent.setdefault(worker_id, deque(maxlen=RECENT))
            if job.affinity and job.affinity not in known:
                known.append(job.affinity)

    def follow_progress(self, told: Mapping[str, float], now: datetime) -> None:
        """Takes in how far running jobs say that they are."""
        for job_id, progress in told.items():
            job = self._running.get(job_id)
            if job is not None:
                at = expected_end(job.started_at, progress, self._timeouts.get(job_id), now)
                self._running[job_id] = replace(job, expected_end_at=at)

    def overdue(self, now: datetime) -> list[tuple[str, float]]:
        """Running jobs that have had their time, with their limits in seconds."""
        return [
            (job_id, limit_s)
            for job_id, limit_s in self._timeouts.items()
            if limit_s is not None and (now - self._running[job_id].started_at).total_seconds() > limit_s
        ]

    def is_busy(self, worker_id: str) -> bool:
        """Whether a task of a running job has a lease on this worker."""
        return any(worker_id in job.worker_ids for job in self._running.values())

    def jobs_on(self, worker_ids: Collection[str]) -> int:
        """How many jobs run on these workers."""
        return sum(not set(worker_ids).isdisjoint(job.worker_ids) for job in self._running.values())

    @property
    def rendezvous(self) -> set[str]:
        """Where the gangs that run meet."""
        return set(self._rendezvous.values())

    def due_in_s(self) -> float | None:
        """When there will be a reason to ask the scheduler: 0 for now, None for none before the next look."""
        if not self._changed:
            return None
        return max(0.0, self._next_look - time.monotonic())

    def due(self) -> bool:
        """Whether there is a reason to ask the scheduler now."""
        if self._changed:
            return time.monotonic() >= self._next_look
        return bool(self._waiting or self._running) and time.monotonic() - self._looked >= LOOK_AGAIN_S

    def looked(self, took_s: float) -> None:
        """The scheduler was asked.  With a long queue that takes a while: it may not take more than its share of the time."""
        self._looked = time.monotonic()
        self._next_look = self._looked + min(REST_MOST_S, REST * took_s)
        self._changed = False

    def _worker_views(self) -> tuple[WorkerView, ...]:
        taken: dict[str, list[Demand]] = {
            worker_id: [] for worker_id in self.workers if worker_id not in self._views
        }
        for job in self._running.values() if taken else ():
            for worker_id in job.worker_ids:
                if worker_id in taken:
                    taken[worker_id].append(job.demand)
        for worker_id, demands in taken.items():
            recent = tuple(self._recent.get(worker_id, ()))
            self._views[worker_id] = worker_view(self.workers[worker_id], demands, recent)
        return tuple(self._views[worker_id] for worker_id in self.workers)

    def snapshot(self, now: datetime) -> Snapshot:
        running = tuple(self._running.values())
        return Snapshot(
            now,
            self._waiting.heads(),
            self._worker_views(),
            running=running,
            quotas=self._quotas,
            over_budget=self._over_budget,
            policy=self._policy,
            grow_after_s=self._grow_after_s,
        )


def _sound(job: WaitingJob, now: datetime) -> WaitingJob:
    """No back-off is longer than this: one that seems so was written before the clock was set back."""
    late = job.not_before is not None and (job.not_before - now).total_seconds() > 2 * BACKOFF_MOST_S
    return replace(job, not_before=None) if late else job


def _running(job: QueuedJob, state: JobState, before: RunningJob | None, now: datetime) -> RunningJob:
    wanted = job.resources["workers"]
    return RunningJob(
        id=job.id,
        workspace=job.workspace,
        priority=job.priority,
        wanted_workers=wanted,
        min_workers=job.resources.get("min_workers") or wanted,
        demand=demand_of(job.resources),
        worker_ids=tuple(task.lease.worker_id for task in state.live_tasks),
        started_at=before.started_at if before else now,
        expected_end_at=before.expected_end_at if before else expected_end(now, 0.0, job.timeout_s, now),
        affinity=job.affinity,
        attempt_workers=len(state.tasks),
        queued_at=job.created_at,
        stopping=state.stop is not None,
    )
