"""A fleet in motion: the snapshot after jobs have started, stopped and ended.  Forecasts and the simulator move it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tensorfleet.scheduling.model import Demand, Place, RunningJob, Snapshot, WaitingJob, WorkerView


class World:
    """Starts as a snapshot; the caller decides what happens and when."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._first = snapshot
        self.now = snapshot.now
        self.waiting = {job.id: job for job in snapshot.queue}
        self.running = {job.id: job for job in snapshot.running}
        self._views = {view.id: view for view in snapshot.workers}

    def snapshot(self) -> Snapshot:
        return replace(
            self._first,
            now=self.now,
            queue=tuple(self.waiting.values()),
            running=tuple(self.running.values()),
            workers=tuple(self._views.values()),
        )

    def start(self, place: Place, expected_end_at: datetime | None) -> RunningJob:
        job = self.waiting.pop(place.job_id)
        running = RunningJob(
            id=job.id,
            workspace=job.workspace,
            priority=job.priority,
            wanted_workers=job.workers,
            min_workers=job.min_workers,
            demand=job.demand,
            worker_ids=place.worker_ids,
            started_at=self.now,
            expected_end_at=expected_end_at,
            queued_at=job.queued_at,
            affinity=job.affinity,
        )
        self.running[job.id] = running
        self._change(running, -1)
        if job.affinity is not None:
            for worker_id in set(place.worker_ids):
                view = self._views[worker_id]
                recent = tuple(dict.fromkeys((job.affinity, *view.recent)))[:8]
                self._views[worker_id] = replace(view, recent=recent)
        return running

    def stop(self, job_id: str) -> datetime:
        """The job was told to stop; returns when it is gone at the latest."""
        gone_at = self.now + timedelta(seconds=self._first.stop_grace_s)
        self.running[job_id] = replace(self.running[job_id], stopping=True, expected_end_at=gone_at)
        return gone_at

    def end(self, job_id: str) -> RunningJob:
        ended = self.running.pop(job_id)
        self._change(ended, 1)
        return ended

    def requeue(self, ended: RunningJob) -> None:
        """It was stopped for another job: it waits again, from when it was submitted."""
        self.waiting[ended.id] = WaitingJob(
            id=ended.id,
            priority=ended.priority,
            queued_at=ended.queued_at or ended.started_at,
            workers=ended.wanted_workers,
            min_workers=ended.min_workers,
            demand=ended.demand,
            workspace=ended.workspace,
            affinity=ended.affinity,
        )

    def _change(self, running: RunningJob, sign: int) -> None:
        for worker_id in running.worker_ids:
            if worker_id in self._views:
                self._views[worker_id] = freed(self._views[worker_id], running.demand, sign)


def freed(view: WorkerView, demand: Demand, count: int = 1) -> WorkerView:
    """The worker with `count` tasks of this kind fewer on it (below zero: more)."""
    return replace(
        view,
        free_slots=view.free_slots + count,
        free_cpus=view.free_cpus + count * demand.cpus,
        free_gpus=view.free_gpus + count * demand.gpus,
        free_memory_bytes=view.free_memory_bytes + count * demand.memory_bytes,
    )
