"""The waiting jobs, each workspace's and priority's in a line of its own, kept in the order of arrival."""

from __future__ import annotations

from bisect import bisect_left, insort
from datetime import datetime
from itertools import islice

from tensorfleet.scheduling.model import WaitingJob

WINDOW = 1000
"""So many of each line are shown to the scheduler.  Those behind them could only pass it with all of these waiting."""

_Place = tuple[datetime, str]


class Lines:
    """A queue of any length, of which the heads are at hand."""

    def __init__(self) -> None:
        self._jobs: dict[str, WaitingJob] = {}
        self._lines: dict[tuple[int, str], list[_Place]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: WaitingJob) -> None:
        """Puts a job into its line; one that stood somewhere already leaves that place."""
        self.discard(job.id)
        self._jobs[job.id] = job
        insort(self._lines.setdefault((job.priority, job.workspace), []), (job.queued_at, job.id))

    def discard(self, job_id: str) -> None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            line = self._lines[job.priority, job.workspace]
            del line[bisect_left(line, (job.queued_at, job.id))]
            if not line:
                del self._lines[job.priority, job.workspace]

    def heads(self) -> tuple[WaitingJob, ...]:
        """The first WINDOW jobs of every line."""
        return tuple(
            self._jobs[job_id] for line in self._lines.values() for _, job_id in islice(line, WINDOW)
        )
