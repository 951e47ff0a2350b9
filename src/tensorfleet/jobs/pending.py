"""What a transaction is going to write: collected while it decides, written at its end, a statement for all rows of a kind.

A group of fifty reports then costs some ten statements, not some five hundred, and on PostgreSQL one round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, Table, Update, bindparam, insert, or_, update

from tensorfleet.adapters.schema import attempts, jobs, leases, outbox, tasks
from tensorfleet.adapters.together import Statement, run_together
from tensorfleet.errors import Conflict
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent

Row = dict[str, Any]

# Parameters of conditions begin with b_, those of values are named as their columns.
_JOB = update(jobs).where(jobs.c.id == bindparam("b_id"), jobs.c.revision == bindparam("b_revision"))
_PROGRESS = update(jobs).where(jobs.c.id == bindparam("b_id"), jobs.c.status == "running")
# The fence: an outcome is written once, by the lease that is still in force.
_TASK = update(tasks).where(
    tasks.c.lease == bindparam("b_lease"), or_(tasks.c.status == "leased", tasks.c.status == "running")
)
_OFFSETS = update(tasks).where(tasks.c.lease == bindparam("b_lease"))
_LEASE = update(leases).where(leases.c.token == bindparam("b_token"))
_ATTEMPT = update(attempts).where(
    attempts.c.job_id == bindparam("b_job"), attempts.c.number == bindparam("b_number")
)
_ORDERS = update(outbox).where(
    outbox.c.topic == bindparam("b_topic"), outbox.c.ref == bindparam("b_ref"), outbox.c.done_at.is_(None)
)
_ORDER = _ORDERS.where(outbox.c.kind == bindparam("b_kind"))
_GUARDS: Mapping[Executable, str] = {
    _JOB: "a job was changed by another orchestrator",
    _TASK: "a lease is not in force any more; its report changes nothing",
}
"""Statements that have to find each of their rows."""


class Writes:
    """One transaction's writes, in the order in which tables have to be written."""

    def __init__(self) -> None:
        self.jobs: dict[str, Row] = {}
        self.progress: dict[str, Row] = {}
        self.offsets: dict[int, Row] = {}
        self.tasks: dict[int, Row] = {}
        self.new_attempts: list[Row] = []
        self.new_tasks: list[Row] = []
        self.leases: dict[int, Row] = {}
        self.closed_attempts: list[Row] = []
        self.orders: list[Row] = []
        self.closed_orders: list[Row] = []
        self.confirmed_orders: list[Row] = []
        self.events: list[NewEvent] = []

    def save_job(self, job_id: str, revision: int, values: Mapping[str, Any]) -> None:
        """`revision`: the one that is stored now; a job that is saved twice is written once."""
        row = self.jobs.setdefault(job_id, {"b_id": job_id, "b_revision": revision})
        row.update(values)

    def save_task(self, token: int, values: Mapping[str, Any]) -> None:
        self.tasks.setdefault(token, {"b_lease": token}).update(values)

    def save_lease(self, token: int, values: Mapping[str, Any]) -> None:
        self.leases.setdefault(token, {"b_token": token}).update(values)

    def release(self, token: int, worker_id: str, now: datetime) -> None:
        """The lease is over, and with it every order under it."""
        self.save_lease(token, {"released_at": now})
        self.closed_orders.append({"b_topic": f"agent:{worker_id}", "b_ref": str(token), "done_at": now})

    def flush(self, connection: Connection, log: SqlEventLog) -> None:
        """Writes everything.

        Raises:
            Conflict: a job or a lease is not as it was when it was decided on; the transaction has to be given up.
        """
        statements = [
            *_alike(_JOB, self.jobs.values()),
            *_alike(_PROGRESS, self.progress.values()),
            *_insert(attempts, self.new_attempts),
            *_insert(tasks, self.new_tasks),
            *_alike(_TASK, self.tasks.values()),
            *_alike(_OFFSETS, self.offsets.values()),
            *_alike(_LEASE, self.leases.values()),
            *_alike(_ATTEMPT, self.closed_attempts),
            *_insert(outbox, self.orders),
            *_alike(_ORDERS, self.closed_orders),
            *_alike(_ORDER, self.confirmed_orders),
            *log.appending(connection, self.events),
        ]
        for one, count in zip(statements, run_together(connection, statements), strict=True):
            if one.what in _GUARDS and count != len(one.rows):
                raise Conflict(f"{_GUARDS[one.what]}; it has to be loaded again")


def _insert(table: Table, rows: list[Row]) -> list[Statement]:
    return [Statement(insert(table).inline(), rows)] if rows else []


def _alike(statement: Update, rows: Iterable[Row]) -> list[Statement]:
    """The statement for each row, those with the same columns together."""
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault(tuple(sorted(row)), []).append(row)
    return [Statement(statement, same) for same in alike.values()]
