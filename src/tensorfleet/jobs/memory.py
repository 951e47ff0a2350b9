"""What the orchestrator remembers of running jobs between its transactions.

It is the only writer of lifecycle state, so what it wrote last is what is stored: a running job need not be read again for each
report of its tasks.  After a transaction that failed, everything is forgotten and read anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tensorfleet.jobs.model import JobState, JobStatus
from tensorfleet.jobs.ports import QueuedJob


@dataclass
class KnownJob:
    """A job as it is stored: its state, and what goes with it but is not decided on."""

    queued: QueuedJob
    state: JobState
    revision: int
    spec: dict[str, Any]
    inputs: dict[str, Any]
    progress: float
    metrics: dict[str, Any]


@dataclass
class KnownTask:
    """A lease's task and how many bytes of its files were taken over."""

    job_id: str
    attempt: int
    rank: int
    worker_id: str
    log: int = 0
    record: int = 0
    granted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class JobMemory:
    """Running jobs and their leases.  A transaction changes it as it goes; who sees one fail calls `forget`."""

    def __init__(self) -> None:
        self.jobs: dict[str, KnownJob] = {}
        self.tasks: dict[int, KnownTask] = {}

    def forget(self) -> None:
        self.jobs.clear()
        self.tasks.clear()

    def keep_running(self, job_ids: Iterable[str], tokens: Iterable[int]) -> None:
        """Of what a transaction has looked at, forgets all jobs that do not run, which others may delete, and the leases that
        are not theirs: a report may have been one of an earlier attempt.
        """
        for job_id in job_ids:
            known = self.jobs.get(job_id)
            if known is not None and known.state.status is not JobStatus.RUNNING:
                for task in self.jobs.pop(job_id).state.tasks:
                    self.tasks.pop(task.lease.token, None)
        for token in tokens:
            found = self.tasks.get(token)
            if found is not None and not self._runs(found):
                del self.tasks[token]

    def _runs(self, task: KnownTask) -> bool:
        known = self.jobs.get(task.job_id)
        return known is not None and known.state.attempt == task.attempt
