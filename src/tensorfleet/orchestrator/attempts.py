"""On which machines jobs fail and go well, as the log tells it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tensorfleet.health.marks import Marks
from tensorfleet.health.model import Pace
from tensorfleet.jobs.model import FailureClass, NewEvent

SUSPECT = frozenset({FailureClass.INFRASTRUCTURE, FailureClass.LOST_WORKER, FailureClass.HANG})
"""After one of these the machine is looked at."""
_NOBODYS = frozenset(
    {
        FailureClass.INTERRUPTED,
        FailureClass.PREEMPTED,
        FailureClass.TIMEOUT,
        FailureClass.CANCELLED,
        FailureClass.PAUSED,
    }
)


class Attempts:
    """`machine_of`: where a worker is; empty when nobody knows.  `suspect` is called with machines that are to be looked at."""

    def __init__(self, pace: Pace, machine_of: Callable[[str], str], suspect: Callable[[str], None]) -> None:
        self.marks = Marks(pace)
        self._machine_of = machine_of
        self._suspect = suspect
        self._runs_on: dict[str, set[str]] = {}

    def machines_of(self, job_id: str) -> frozenset[str]:
        """Where the job's present attempt has started tasks."""
        return frozenset(self._runs_on.get(job_id, ()))

    def follow(self, events: Sequence[NewEvent]) -> None:
        for event in events:
            if event.job_id is not None:
                self._take(event, event.job_id)

    def _take(self, event: NewEvent, job_id: str) -> None:
        kind = event.kind
        if kind == "job.started":
            self._runs_on[job_id] = set()
        elif kind == "task.started":
            self._runs_on.setdefault(job_id, set()).add(self._machine_of(event.data["worker_id"]))
        elif kind == "task.finished":
            self._finished(event, job_id)
        elif kind == "hang.found":
            for machine in self.machines_of(job_id) - {""}:
                self._suspect(machine)
        elif kind in ("job.completed", "job.failed", "job.cancelled"):
            self._ended(kind, job_id, event.at)

    def _finished(self, event: NewEvent, job_id: str) -> None:
        machine, failure = self._machine_of(event.data["worker_id"]), event.data.get("class")
        if not machine or failure is None or event.data["status"] == "stopped":
            return
        if failure in SUSPECT:
            self._suspect(machine)
        if failure not in _NOBODYS:
            self.marks.failed(job_id, machine, str(failure))

    def _ended(self, kind: str, job_id: str, at: datetime) -> None:
        machines = frozenset(self._runs_on.pop(job_id, ())) - {""}
        if kind == "job.completed" and machines:
            self.marks.went_well(job_id, machines, at)
        else:
            self.marks.dropped(job_id)
