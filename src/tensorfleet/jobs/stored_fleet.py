"""What a transaction of the orchestrator reads of the fleet as it is stored: who waits, what runs, what agents have to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, null, select

from tensorfleet.adapters.schema import attempts, events, jobs, leases, outbox, tasks
from tensorfleet.jobs.model import Event, JobStatus
from tensorfleet.jobs.ports import Command, HeldTask, LiveLease, QueuedJob
from tensorfleet.jobs.rows import QUEUE_COLUMNS, queued_of

_NEWEST = select(func.coalesce(func.max(events.c.id), 0))
_QUOTA_CHANGED = "quota.changed"
_SUBMITTED = (
    select(events.c.id, events.c.job_id, events.c.kind)
    .where(events.c.id > bindparam("position"), events.c.kind.in_(("job.submitted", _QUOTA_CHANGED)))
    .union_all(select(_NEWEST.scalar_subquery(), null(), null()))
)
"""What was submitted, and which quotas were changed, after a place in the event log; in the row without a kind, the log's
newest place.
"""


class StoredFleet:
    """Reads on one connection.  Those that could miss what is yet to be written have it written first."""

    connection: Connection

    def flush(self) -> None:
        """Writes what was collected so far."""
        raise NotImplementedError

    def newest_of(self, job_id: str, kinds: Sequence[str], since: datetime) -> datetime | None:
        """When the job's newest entry of these kinds was written, if it was since then."""
        self.flush()
        mine = (events.c.job_id == job_id) & events.c.kind.in_(kinds) & (events.c.at >= since)
        found: datetime | None = self.connection.execute(select(func.max(events.c.at)).where(mine)).scalar()
        return found

    def queue(self, limit: int) -> list[QueuedJob]:
        """Waiting jobs, those with the highest priority first, oldest first among equals."""
        self.flush()
        query = select(*QUEUE_COLUMNS).where(jobs.c.status == JobStatus.QUEUED.value)
        query = query.order_by(jobs.c.priority, jobs.c.created_at, jobs.c.id).limit(limit)
        return [queued_of(row) for row in self.connection.execute(query)]

    def newest_event(self) -> int:
        return int(self.connection.execute(_NEWEST).scalar_one())

    def submitted_after(self, position: int) -> tuple[list[QueuedJob], int, bool]:
        """Jobs that were submitted after a place in the event log and wait, the place up to which this is known, and whether
        a quota was changed since.
        """
        found = self.connection.execute(_SUBMITTED, {"position": position}).all()
        newest = next(row.id for row in found if row.kind is None)
        if len(found) == 1:
            return [], newest, False
        changed = any(row.kind == _QUOTA_CHANGED for row in found)
        waiting = (jobs.c.status == JobStatus.QUEUED.value) & jobs.c.id.in_([row.job_id for row in found])
        # In two steps: joined, SQLite would walk through the whole queue and look for each job's entry.
        return (
            [queued_of(row) for row in self.connection.execute(select(*QUEUE_COLUMNS).where(waiting))],
            newest,
            changed,
        )

    def live_leases(self, worker_id: str | None = None) -> list[LiveLease]:
        self.flush()
        joined = leases.join(tasks, tasks.c.lease == leases.c.token).join(jobs, jobs.c.id == leases.c.job_id)
        joined = joined.join(
            attempts, (attempts.c.job_id == tasks.c.job_id) & (attempts.c.number == tasks.c.attempt)
        )
        of_job = (
            jobs.c.spec, jobs.c.workspace, jobs.c.priority, jobs.c.progress, jobs.c.stop, jobs.c.created_at,
            attempts.c.workers.label("attempt_workers"),
        )  # fmt: skip
        query = select(
            leases.c.token, leases.c.worker_id, leases.c.job_id, leases.c.granted_at, tasks, *of_job
        )
        query = query.select_from(joined).where(leases.c.released_at.is_(None))
        if worker_id is not None:
            query = query.where(leases.c.worker_id == worker_id)
        return [
            LiveLease(
                row.token, row.worker_id, row.job_id, row.rank, row.attempt, row.status, row.rendezvous, row.log_offset,
                row.record_offset, row.spec["resources"], row.workspace, row.priority, row.granted_at, row.progress,
                row.stop is not None, row.spec.get("timeout"), row.created_at, row.spec.get("dataset"),
                row.attempt_workers,
            )
            for row in self.connection.execute(query.order_by(leases.c.token))
        ]  # fmt: skip

    def held_tasks(self, worker_id: str, tokens: Sequence[int]) -> list[HeldTask]:
        """Those of `tokens` that were ever leased to this worker."""
        self.flush()
        columns = (leases.c.token, leases.c.released_at, tasks.c.log_offset, tasks.c.record_offset)
        query = select(*columns).join(tasks, tasks.c.lease == leases.c.token)
        rows = self.connection.execute(
            query.where(leases.c.token.in_(tokens), leases.c.worker_id == worker_id)
        )
        return [
            HeldTask(row.token, row.log_offset, row.record_offset, row.released_at is not None)
            for row in rows
        ]

    def last_checkpoint(self, job_id: str) -> Event | None:
        self.flush()
        mine = (events.c.job_id == job_id) & (events.c.kind == "checkpoint")
        row = self.connection.execute(
            select(events).where(mine).order_by(events.c.id.desc()).limit(1)
        ).one_or_none()
        return Event(row.id, row.job_id, row.kind, row.at, row.data) if row else None

    def open_commands(self, topic: str) -> list[Command]:
        self.flush()
        query = (
            select(outbox).where(outbox.c.topic == topic, outbox.c.done_at.is_(None)).order_by(outbox.c.id)
        )
        return [
            Command(row.id, row.topic, row.kind, row.ref, row.data) for row in self.connection.execute(query)
        ]
