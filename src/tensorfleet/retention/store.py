"""What has ended, in SQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import String, and_, cast, delete, exists, func, or_, select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import events, jobs, metric_segments
from tensorfleet.jobs.model import JobStatus
from tensorfleet.retention.model import ENTRIES, Ended, Kind

_OVER = [status.value for status in JobStatus if status.ended]
_COLUMNS = (jobs.c.id, jobs.c.name, jobs.c.workspace, jobs.c.finished_at, jobs.c.spec, jobs.c.inputs)


class SqlRetentionStore:
    """`RetentionStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ended(
        self, kind: Kind, before: datetime, limit: int, after: tuple[datetime, str] | None
    ) -> list[Ended]:
        query = select(*_COLUMNS).where(jobs.c.status.in_(_OVER), jobs.c.finished_at < before)
        if kind in ENTRIES:
            query = query.where(exists().where(events.c.job_id == jobs.c.id, events.c.kind == ENTRIES[kind]))
        if after is not None:
            later = jobs.c.finished_at > after[0]
            query = query.where(or_(later, and_(jobs.c.finished_at == after[0], jobs.c.id > after[1])))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(jobs.c.finished_at, jobs.c.id).limit(limit)).all()
        return [
            Ended(
                row.id,
                row.name,
                row.workspace,
                row.finished_at,
                row.spec.get("labels") or {},
                ((row.inputs or {}).get("study") or {}).get("id"),
            )
            for row in rows
        ]

    def existing(self, job_ids: Collection[str]) -> set[str]:
        with self._database.read() as connection:
            return set(connection.execute(select(jobs.c.id).where(jobs.c.id.in_(job_ids))).scalars())

    def entries_bytes(self, job_id: str, kind: Kind | None) -> int:
        query = select(func.coalesce(func.sum(func.length(cast(events.c.data, String))), 0))
        query = query.where(events.c.job_id == job_id)
        if kind is not None:
            query = query.where(events.c.kind == ENTRIES[kind])
        its = metric_segments.c
        size = func.length(its.pieces) + func.length(its.thin) + func.length(its.whole)
        rolled = select(func.coalesce(func.sum(size), 0))
        with self._database.read() as connection:
            found = int(connection.execute(query).scalar_one())
            if kind in (None, Kind.METRICS):
                found += int(connection.execute(rolled.where(its.job_id == job_id)).scalar_one())
            return found

    def remove_entries(self, job: Ended, kind: Kind) -> bool:
        with self._database.begin() as connection:
            # Locked: a retry of the job waits for the end of this.
            query = select(jobs.c.finished_at).where(jobs.c.id == job.id, jobs.c.status.in_(_OVER))
            if connection.execute(query.with_for_update()).scalar() != job.finished_at:
                return False
            mine = and_(events.c.job_id == job.id, events.c.kind == ENTRIES[kind])
            connection.execute(delete(events).where(mine))
            if kind is Kind.METRICS:
                connection.execute(delete(metric_segments).where(metric_segments.c.job_id == job.id))
            return True
