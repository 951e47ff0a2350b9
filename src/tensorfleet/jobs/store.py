"""Jobs in SQL.  The only place with statements about jobs, attempts, tasks, leases and the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    String,
    cast,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import attempts, events, jobs, leases, outbox, tasks
from tensorfleet.errors import (
    Conflict,
    NotFound,
    OverQuota,
    SpecInvalid,
    TensorFleetError,
    Unavailable,
)
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.listing import counts_query, page_query
from tensorfleet.jobs.memory import JobMemory
from tensorfleet.jobs.model import Event, JobRecord, JobStatus, NewEvent
from tensorfleet.jobs.ports import JobFilter, NewJob
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.kit.clock import rfc3339
from tensorfleet.kit.paging import encode_cursor

__all__ = ["Event", "SqlEventLog", "SqlJobStore"]


class SqlJobStore:
    """`JobStore` on SQLite and PostgreSQL."""

    def __init__(
        self,
        database: Database,
        admit: Callable[[Connection, Sequence[NewJob]], None] = lambda connection, new: None,
    ) -> None:
        """`admit` is called in the transaction that has just added jobs, and raises where that is too much."""
        self._database = database
        self._admit = admit
        self._log = SqlEventLog(database)

    def insert(self, job: NewJob) -> tuple[JobRecord, bool]:
        """Queues a job with its first log entry; `(job, True)`, or `(the earlier one, False)` for a repeated key."""
        try:
            with self._database.begin() as connection:
                connection.execute(insert(jobs).values(**_new_row(job)))
                self._log.append(connection, _first_events(job))
                self._admit(connection, [job])
                return _record(connection.execute(select(jobs).where(jobs.c.id == job.id)).one()), True
        except IntegrityError:
            if job.idempotency_key is None:
                raise
        with self._database.read() as connection:
            mine = (jobs.c.workspace == job.workspace) & (jobs.c.idempotency_key == job.idempotency_key)
            row = connection.execute(select(jobs).where(mine)).one_or_none()
        if row is None:
            raise Unavailable("the job could not be queued: its id is taken; the call can be repeated")
        return _same_job(_record(row), job), False

    def insert_many(self, new: Sequence[NewJob]) -> list[tuple[JobRecord, bool] | TensorFleetError]:
        """`insert` for several jobs in one transaction; the answer for a key that was used for another job is a Conflict."""
        try:
            with self._database.begin() as connection:
                queued = self._queue_many(connection, new)
        except (IntegrityError, OverQuota, SpecInvalid):
            queued = {}  # somebody else used a key meanwhile, or one is not let in: now each for itself
        found: list[tuple[JobRecord, bool] | TensorFleetError] = []
        for job in new:
            if job.id in queued:
                found.append((queued[job.id], True))
                continue
            try:
                found.append(self.insert(job))
            except TensorFleetError as error:
                found.append(error)
        return found

    def _queue_many(self, connection: Connection, new: Sequence[NewJob]) -> dict[str, JobRecord]:
        """Inserts those whose keys are not in use, each key once; returns them by id."""
        keys = [job.idempotency_key for job in new if job.idempotency_key is not None]
        columns = (jobs.c.workspace, jobs.c.idempotency_key)
        known = connection.execute(select(*columns).where(jobs.c.idempotency_key.in_(keys))) if keys else ()
        used = {(row.workspace, row.idempotency_key) for row in known}
        fresh: list[NewJob] = []
        for job in new:
            mine = (job.workspace, job.idempotency_key)
            if job.idempotency_key is None or mine not in used:
                fresh.append(job)
                used.add(mine)
        if not fresh:
            return {}
        connection.execute(insert(jobs), [_new_row(job) for job in fresh])
        self._log.append(connection, [event for job in fresh for event in _first_events(job)])
        self._admit(connection, fresh)
        rows = connection.execute(select(jobs).where(jobs.c.id.in_([job.id for job in fresh])))
        return {row.id: _record(row) for row in rows}

    def get(self, job_id: str) -> JobRecord:
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        if row is None:
            raise NotFound(
                f"there is no job '{job_id[:80]}'; `tensorfleet jobs list` shows those that there are"
            )
        return _record(row)

    def get_many(self, job_ids: Sequence[str]) -> dict[str, JobRecord]:
        with self._database.read() as connection:
            rows = connection.execute(select(jobs).where(jobs.c.id.in_(job_ids)))
            return {row.id: _record(row) for row in rows}

    def workspace_of(self, job_id: str) -> str | None:
        """The workspace of a job, which never changes; None if there is no such job."""
        with self._database.read() as connection:
            return connection.scalar(select(jobs.c.workspace).where(jobs.c.id == job_id))

    def workspaces(self) -> list[str]:
        """All that have jobs."""
        with self._database.read() as connection:
            return list(connection.execute(select(jobs.c.workspace).distinct()).scalars())

    def page(
        self, filters: JobFilter, limit: int, cursor: str | None, sort: str
    ) -> tuple[list[JobRecord], str | None]:
        """One page, and the cursor of the next one (None at the end)."""
        ids = page_query(filters, cursor, sort).limit(limit + 1)
        with self._database.read() as connection:
            order = list(connection.execute(ids).scalars())
            rows = connection.execute(select(jobs).where(jobs.c.id.in_(order))) if order else ()
            known = {row.id: _record(row) for row in rows}
        found = [known[job_id] for job_id in order if job_id in known]
        if len(found) <= limit:
            return found, None
        last_shown = found[limit - 1]
        value = getattr(last_shown, sort.removeprefix("-"))
        shown = rfc3339(value) if isinstance(value, datetime) else value
        return found[:limit], encode_cursor([sort, shown, last_shown.id])

    def request(
        self,
        job_id: str,
        intent: str,
        now: datetime,
        topic: str = "orchestrator",
        data: dict[str, Any] | None = None,
    ) -> None:
        """Leaves an intent (`cancel`, `pause`, `resume`, `retry`) for who leads the job, durably, with its log entry."""
        with self._database.begin() as connection:
            row = {"topic": topic, "kind": intent, "ref": job_id, "data": data or {}, "created_at": now}
            connection.execute(insert(outbox).values(**row))
            self._log.append(connection, [NewEvent(f"job.{intent}_requested", now, {}, job_id)])

    def request_many(self, intent: str, topics: Mapping[str, str], now: datetime) -> None:
        """`request` for several jobs in one transaction, each with the topic of who leads it."""
        with self._database.begin() as connection:
            left = [
                {"topic": topic, "kind": intent, "ref": job_id, "data": {}, "created_at": now}
                for job_id, topic in topics.items()
            ]
            connection.execute(insert(outbox), left)
            noted = [NewEvent(f"job.{intent}_requested", now, {}, job_id) for job_id in topics]
            self._log.append(connection, noted)

    def delete(self, job_id: str) -> None:
        """Forgets an ended job and its log.

        Raises:
            Conflict: it has not ended.
        """
        with self._database.begin() as connection:
            # Locked: a retry of the job waits for the end of this, and then finds nothing.
            status = connection.execute(
                select(jobs.c.status).where(jobs.c.id == job_id).with_for_update()
            ).scalar()
            if status is None:
                raise NotFound(f"there is no job '{job_id[:80]}'")
            if not JobStatus(status).ended:
                raise Conflict(f"job {job_id} is {status}; cancel it before deleting it")
            tokens = select(cast(leases.c.token, String)).where(leases.c.job_id == job_id)
            mine = (outbox.c.ref == job_id) | (outbox.c.topic.like("agent:%") & outbox.c.ref.in_(tokens))
            connection.execute(delete(outbox).where(mine))
            # Before the log: a piece of log that is being taken over ends first.  The leases stay: they are the ledger.
            connection.execute(delete(tasks).where(tasks.c.job_id == job_id))
            self._log.delete_job(connection, job_id)
            connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def shares_provenance(self, job: JobRecord, digest: str) -> bool:
        """Whether another job has this provenance document, or is of the same name and may still come to have it."""
        others = select(jobs.c.id).where(jobs.c.name == job.name, jobs.c.id != job.id)
        ended = [status.value for status in JobStatus if status.ended]
        live = others.where(jobs.c.status.not_in(ended)).limit(1)
        told = select(events.c.id).where(
            events.c.job_id.in_(others),
            events.c.kind == "provenance",
            events.c.data["sha256"].as_string() == digest,
        )
        with self._database.read() as connection:
            return any(connection.execute(query).first() is not None for query in (live, told.limit(1)))

    def tasks(self, job_id: str) -> list[dict[str, Any]]:
        query = select(tasks).where(tasks.c.job_id == job_id).order_by(tasks.c.attempt, tasks.c.rank)
        with self._database.read() as connection:
            return [_task_dict(row) for row in connection.execute(query)]

    def last_log_end(self, job_id: str) -> int:
        """The highest event id of a job, 0 for none."""
        with self._database.read() as connection:
            return int(
                connection.execute(select(func.max(events.c.id)).where(events.c.job_id == job_id)).scalar()
                or 0
            )

    def attempts(self, job_id: str) -> list[dict[str, Any]]:
        query = select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.number)
        with self._database.read() as connection:
            return [
                {"number": row.number, "workers": row.workers, "started_at": rfc3339(row.started_at),
                 "finished_at": rfc3339(row.finished_at), "outcome": row.outcome, "reason": row.reason}
                for row in connection.execute(query)
            ]  # fmt: skip

    def counts(self, filters: JobFilter | None = None) -> dict[str, int]:
        """How many jobs there are by status; of those alone that are looked for."""
        with self._database.read() as connection:
            rows = connection.execute(counts_query(filters or JobFilter())).all()
        return {str(status): int(count) for status, count in rows}

    @contextmanager
    def orchestrate(self, memory: JobMemory | None = None) -> Iterator[SqlJobTransaction]:
        """`memory`: what the last transaction left; the caller forgets it when this one fails."""
        with self._database.begin() as connection:
            tx = SqlJobTransaction(connection, self._log, memory or JobMemory())
            yield tx
            tx.close()


def _first_events(job: NewJob) -> list[NewEvent]:
    data = {"name": job.name, "kind": job.kind, "workers": job.workers}
    return [NewEvent("job.submitted", job.created_at, data, job.id), *job.events]


def _same_job(earlier: JobRecord, job: NewJob) -> JobRecord:
    """The job that a key stands for; a key that is used for something else is refused."""
    if earlier.spec != job.spec:
        raise Conflict(
            f"Idempotency-Key '{job.idempotency_key}' was used for another job ({earlier.id}); send a new key"
        )
    return earlier


def _new_row(job: NewJob) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "workspace": job.workspace,
        "kind": job.kind,
        "status": job.status.value,
        "started_at": None if job.status is JobStatus.QUEUED else job.created_at,
        "priority": job.priority,
        "workers": job.workers,
        "spec": job.spec,
        "inputs": job.inputs,
        "metrics": {},
        "idempotency_key": job.idempotency_key,
        "created_at": job.created_at,
        **_found_by(job),
    }


def _found_by(job: NewJob) -> dict[str, Any]:
    """What of its JSON stands in columns of its own."""
    dataset = job.inputs.get("dataset") or {}
    forked = (event.data["job_id"] for event in job.events if event.kind == "job.forked")
    return {
        "algorithm": job.spec.get("algorithm"),
        "dataset": dataset.get("name"),
        "dataset_version": dataset.get("version"),
        "parent": job.inputs.get("replay_of") or next(forked, None),
    }


def _record(row: Row[Any]) -> JobRecord:
    found = row._mapping
    return JobRecord(
        **{name: found[name] for name in JobRecord.__dataclass_fields__ if name != "status"},
        status=JobStatus(row.status),
    )


def _task_dict(row: Row[Any]) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "attempt": row.attempt,
        "worker_id": row.worker_id,
        "lease": row.lease,
        "status": row.status,
        "failure": (row.outcome or {}).get("failure"),
        "started_at": rfc3339(row.started_at),
        "finished_at": rfc3339(row.finished_at),
    }
