"""Which machines are bad, by what jobs came to there and elsewhere."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from tensorfleet.health.model import Pace

MOST_JOBS = 10_000
"""So many jobs that failed somewhere and have not ended are followed."""
MOST_WELL = 1000


class Marks:
    """A job that failed on one machine and went well on others is a mark against the first; its own fault it was not."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failed: dict[str, dict[str, str]] = {}
        """By job: the machines on which an attempt of it failed, and with which class."""
        self._against: dict[str, dict[str, tuple[datetime, str]]] = {}
        """By machine: the jobs that count against it."""
        self._well: dict[str, deque[datetime]] = {}

    def failed(self, job_id: str, machine: str, failure: str) -> None:
        """A task of the job has failed there."""
        self._failed.setdefault(job_id, {})[machine] = failure
        if len(self._failed) > MOST_JOBS:
            del self._failed[next(iter(self._failed))]

    def went_well(self, job_id: str, machines: frozenset[str], now: datetime) -> None:
        """The job has ended well on these machines."""
        for machine in machines:
            self._well.setdefault(machine, deque(maxlen=MOST_WELL)).append(now)
        for machine, failure in self._failed.pop(job_id, {}).items():
            if machine not in machines:
                self._against.setdefault(machine, {})[job_id] = (now, failure)

    def dropped(self, job_id: str) -> None:
        """The job has ended otherwise: it says nothing of any machine."""
        self._failed.pop(job_id, None)

    def forgive(self, machine: str) -> None:
        self._against.pop(machine, None)

    def bad(self, now: datetime) -> dict[str, str]:
        """Machines on which too many jobs failed that went well elsewhere, with the evidence; each is told once."""
        since = now - timedelta(seconds=self._pace.window_s)
        found = {}
        for machine in list(self._against):
            marks = {job: mark for job, mark in self._against[machine].items() if mark[0] > since}
            well = sum(at > since for at in self._well.get(machine, ()))
            self._against[machine] = marks
            if len(marks) >= max(self._pace.failures, self._pace.share * (len(marks) + well)):
                found[machine] = self._sentence(marks, well)
                self.forgive(machine)
        return found

    def _sentence(self, marks: dict[str, tuple[datetime, str]], well: int) -> str:
        named = ", ".join(f"{job} ({failure})" for job, (_, failure) in list(marks.items())[:5])
        more = " and others" if len(marks) > 5 else ""
        return (
            f"{len(marks)} jobs failed there within {self._pace.window_s:g} s and went well elsewhere: {named}{more}; "
            f"the limit is {self._pace.failures}, and {well} went well there; look at the machine"
        )
