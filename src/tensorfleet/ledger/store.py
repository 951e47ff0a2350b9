"""Leases as the ledger reads them.  It writes nothing: who accounts for leases is the slice of the jobs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, or_, select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leases
from tensorfleet.ledger.model import HeldLease

PAGE = 5000


class SqlLedgerStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def held_between(
        self, begin: datetime, end: datetime, workspaces: Collection[str] | None = None
    ) -> Iterator[HeldLease]:
        """Leases that were in force at some time from `begin` to before `end`, or are now; of all workspaces if none is said."""
        query = select(leases).where(
            leases.c.granted_at < end, or_(leases.c.released_at >= begin, leases.c.released_at.is_(None))
        )
        if workspaces is not None:
            query = query.where(leases.c.workspace.in_(sorted(workspaces)))
        yield from self._read(query)

    def of_job(self, job_id: str) -> list[HeldLease]:
        return list(self._read(select(leases).where(leases.c.job_id == job_id).order_by(leases.c.token)))

    def _read(self, query: Select[Any]) -> Iterator[HeldLease]:
        with self._database.read() as connection:
            for row in connection.execute(query.execution_options(yield_per=PAGE)):
                yield _lease_of(row)


def _lease_of(row: Row[Any]) -> HeldLease:
    known = row.idle_s is not None
    return HeldLease(
        token=row.token,
        job_id=row.job_id,
        job_name=row.job_name,
        workspace=row.workspace,
        algorithm=row.algorithm,
        worker_id=row.worker_id,
        worker_type=row.worker_type,
        granted_at=row.granted_at,
        released_at=row.released_at,
        cpus=row.cpus,
        gpus=row.gpus,
        memory_bytes=row.memory_bytes,
        parts=(row.idle_s, row.useful_s, row.lost_s, row.hung_s) if known else None,
        cpu_used_s=row.cpu_used_s,
        energy_j=row.energy_j,
        energy_how=row.energy_how,
    )
