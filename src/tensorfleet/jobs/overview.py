"""Figures over all jobs, for those who watch the platform and not one job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import events, jobs
from tensorfleet.fleet.model import LOST_EVENT
from tensorfleet.jobs.model import JobStatus

_MOST_RUNNING = 10_000


@dataclass(frozen=True)
class Queue:
    """Jobs that could start now, and since when the one waits that has waited for the longest time."""

    waiting: int
    oldest_at: datetime | None


class SqlOverview:
    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(self, now: datetime) -> Queue:
        """Jobs that wait for the end of a back-off are not in it."""
        due = or_(jobs.c.not_before.is_(None), jobs.c.not_before <= now)
        # A job that is tried again waits since its back-off ended, not since it was submitted.
        since = func.min(func.coalesce(jobs.c.not_before, jobs.c.created_at)).label("since")
        query = select(func.count(), since).where(jobs.c.status == JobStatus.QUEUED.value, due)
        with self._database.read() as connection:
            count, oldest_at = connection.execute(query).one()
        return Queue(int(count), oldest_at)

    def rows_per_second(self) -> float:
        """What running jobs last reported, added up."""
        query = select(jobs.c.metrics).where(jobs.c.status == JobStatus.RUNNING.value).limit(_MOST_RUNNING)
        with self._database.read() as connection:
            found = [metrics.get("rows_per_second") for metrics in connection.execute(query).scalars()]
        return float(sum(value for value in found if isinstance(value, (int, float))))

    def workers_lost(self) -> int:
        """How often a worker was lost, as long as the log reaches back."""
        lost = (events.c.job_id.is_(None)) & (events.c.kind == LOST_EVENT)
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).where(lost)).scalar_one())
