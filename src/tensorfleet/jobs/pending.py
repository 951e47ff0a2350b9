"""What a transaction is going to write: collected while it decides, written at its end, a statement for all rows of a kind.

A group of fifty reports then costs some ten statements, not some five hundred.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, Update, bindparam, insert, or_, update

from tensorfleet.adapters.schema import attempts, jobs, leases, outbox, tasks
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


class Writes:
    """One transaction's writes, in the order in which tables have to be written."""

    def __init__(self) -> None:
        self.jobs: dict[str, Row] = {}
        self.progress: dict[str, Row] = {}
        self.offsets: dict[int, Row] = {}
        self.tasks: dict[int, Row] = {}
        self.new_attempts: list[Row] = []
        self.new_tasks: list[Row] = []
        self.released: list[Row] = []
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

    def release(self, token: int, worker_id: str, now: datetime) -> None:
        """The lease is over, and with it every order under it."""
        self.released.append({"b_token": token, "released_at": now})
        self.closed_orders.append({"b_topic": f"agent:{worker_id}", "b_ref": str(token), "done_at": now})

    def flush(self, connection: Connection, log: SqlEventLog) -> None:
        """Writes everything.

        Raises:
            Conflict: a job or a lease is not as it was when it was decided on; the transaction has to be given up.
        """
        _guarded(connection, _JOB, self.jobs.values(), "a job was changed by another orchestrator")
        _many(connection, _PROGRESS, self.progress.values())
        _insert(connection, attempts, self.new_attempts)
        _insert(connection, tasks, self.new_tasks)
        _guarded(
            connection,
            _TASK,
            self.tasks.values(),
            "a lease is not in force any more; its report changes nothing",
        )
        _many(connection, _OFFSETS, self.offsets.values())
        _many(connection, _LEASE, self.released)
        _many(connection, _ATTEMPT, self.closed_attempts)
        _insert(connection, outbox, self.orders)
        _many(connection, _ORDERS, self.closed_orders)
        _many(connection, _ORDER, self.confirmed_orders)
        log.append(connection, self.events)


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _many(connection: Connection, statement: Update, rows: Any) -> int:
    """Runs the statement for each row, those with the same columns together; returns how many rows it changed."""
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault(tuple(sorted(row)), []).append(row)
    return sum(connection.execute(statement, same).rowcount for same in alike.values())


def _guarded(connection: Connection, statement: Update, rows: Any, otherwise: str) -> None:
    if rows and _many(connection, statement, rows) != len(rows):
        raise Conflict(f"{otherwise}; it has to be loaded again")
