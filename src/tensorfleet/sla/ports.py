"""What the report needs: what is stored of jobs and leases, and what was measured of the API."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tensorfleet.sla.figures import Answers, Jobs, Tally


class JobFigures(Protocol):
    def read(
        self,
        begin: datetime,
        end: datetime,
        now: datetime,
        edges: Sequence[float],
        workspaces: Collection[str] | None,
    ) -> Mapping[str, Jobs]:
        """Sums over jobs and leases from `begin` to before `end`, by workspace; of those that are named, or of all.

        A few statements that are answered from indexes, whatever the number of jobs.

        Args:
            edges: in seconds, of the counts of times.
        """
        ...


class Measurements(Protocol):
    """What was measured of the API.  Safe to use from several threads and processes."""

    def uptime(self, begin: datetime, end: datetime) -> Tally:
        """Seconds in which it answered, of those of which that is known."""
        ...

    def answers(self, begin: datetime, end: datetime, *, by_minute: bool) -> Sequence[Answers]:
        """Requests by class and duration, of whole minutes (kept for a day) or of whole hours."""
        ...

    def add_answers(self, counted: Mapping[datetime, Sequence[Answers]]) -> None:
        """Adds to what is there, by minute: several gateways write the same one.  All or nothing."""
        ...

    def prune(self, now: datetime, before: datetime) -> None:
        """Forgets what is older than `before`, and the minutes that are older than a day."""
        ...
