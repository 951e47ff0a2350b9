"""What a lease stands for, and whether it is still in force, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import jobs, leases, tasks
from tensorfleet.jobs.model import TaskStatus
from tensorfleet.objects.rights import Need

MOST_KNOWN = 4096


@dataclass(frozen=True)
class HeldLease:
    """`in_force`: its task is wanted, and no later attempt has begun."""

    worker_id: str
    need: Need
    in_force: bool


class SqlHeldLeases:
    """Reads leases.  Thread-safe; what a job was given does not change, and is read once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._given = lru_cache(MOST_KNOWN)(self._read_given)

    def find(self, token: int) -> HeldLease | None:
        """None when there is no such lease, or its job was deleted."""
        columns = (leases.c.worker_id, leases.c.released_at, tasks.c.status, tasks.c.job_id, tasks.c.attempt)
        query = (
            select(*columns, tasks.c.rank, jobs.c.attempt.label("newest"))
            .join(tasks, tasks.c.lease == leases.c.token)
            .join(jobs, jobs.c.id == tasks.c.job_id)
        )
        with self._database.read() as connection:
            row = connection.execute(query.where(leases.c.token == token)).one_or_none()
        if row is None:
            return None
        wanted = row.released_at is None and TaskStatus(row.status).live and row.attempt == row.newest
        need = Need(row.job_id, row.attempt, row.rank, self._given(row.job_id))
        return HeldLease(row.worker_id, need, wanted)

    def _read_given(self, job_id: str) -> frozenset[str]:
        with self._database.read() as connection:
            inputs = connection.execute(select(jobs.c.inputs).where(jobs.c.id == job_id)).scalar_one_or_none()
        given = [(inputs or {}).get(name) for name in ("dataset", "code")]
        return frozenset(one["digest"] for one in given if one)
