"""One transaction of the orchestrator: load states, save what was decided, take over what agents deliver."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tensorfleet.adapters.schema import attempts, events, jobs, leases, outbox, tasks
from tensorfleet.errors import Conflict, NotFound
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import CloseAttempt, Effect, Record, ReleaseLease, StartTask, StopTask
from tensorfleet.jobs.model import (
    Event,
    Failure,
    JobState,
    JobStatus,
    Lease,
    NewEvent,
    Outcome,
    TaskState,
    TaskStatus,
)
from tensorfleet.jobs.ports import Command, HeldTask, LiveLease, QueuedJob
from tensorfleet.kit.storable import storable_text

_LIVE = (TaskStatus.LEASED.value, TaskStatus.RUNNING.value)


class SqlJobTransaction:
    """`JobTransaction` on one connection; everything is committed or nothing."""

    def __init__(self, connection: Connection, log: SqlEventLog) -> None:
        self._connection = connection
        self._log = log
        self._revisions: dict[str, int] = {}
        self.commands: list[Command] = []
        """What this transaction told agents to do; sent once it is committed."""
        self.saved = False
        """Whether a job's state was written."""

    def load(self, job_id: str) -> JobState:
        row = self._connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no job '{job_id}'")
        self._revisions[job_id] = row.revision
        current = (tasks.c.job_id == job_id) & (tasks.c.attempt == row.attempt)
        found = (
            self._connection.execute(select(tasks).where(current).order_by(tasks.c.rank)).all()
            if row.attempt
            else []
        )
        return _state(row, found)

    def grant(
        self, job_id: str, worker_ids: Sequence[str], rendezvous: str | None, now: datetime
    ) -> tuple[Lease, ...]:
        """Draws a lease for each rank, in order; they bind nobody until the transaction commits."""
        granted = []
        for rank, worker_id in enumerate(worker_ids):
            values = {"worker_id": worker_id, "job_id": job_id, "granted_at": now}
            token = self._connection.execute(
                insert(leases).values(**values).returning(leases.c.token)
            ).scalar_one()
            granted.append(Lease(token, rank, worker_id, rendezvous))
        return tuple(granted)

    def save(self, before: JobState, after: JobState, effects: Sequence[Effect], now: datetime) -> None:
        """Writes the difference between two states, with log entries and commands.

        Raises:
            Conflict: somebody else saved this job since it was loaded; nothing was written.
        """
        if before == after and not effects:
            return
        self.saved = True
        self._save_job(after, reset=before.status.ended and not after.status.ended)
        if after.attempt > before.attempt:
            self._open_attempt(after, now)
        else:
            self._save_tasks(before, after, now)
        new = [
            NewEvent(effect.kind, now, effect.data, after.id)
            for effect in effects
            if isinstance(effect, Record)
        ]
        self._log.append(self._connection, new)
        for effect in effects:
            self._carry_out(after, effect, now)

    def _save_job(self, state: JobState, reset: bool) -> None:
        revision = self._revisions[state.id]
        values: dict[str, Any] = {
            "status": state.status.value,
            "reason": _text(state.reason),
            "attempt": state.attempt,
            "failures": state.failures,
            "cancel_requested": state.cancel_requested,
            "pause_requested": state.pause_requested,
            "stop": state.stop.to_dict() if state.stop else None,
            "not_before": state.not_before,
            "error": state.error.to_dict() if state.error else None,
            "started_at": state.started_at,
            "finished_at": state.finished_at,
            "revision": revision + 1,
        }
        if state.status is JobStatus.COMPLETED and state.result is not None:
            values |= {"result": state.result, "metrics": state.result.get("metrics") or {}, "progress": 1.0}
        if reset:
            values |= {"progress": 0.0, "result": None}
        mine = (jobs.c.id == state.id) & (jobs.c.revision == revision)
        if self._connection.execute(update(jobs).where(mine).values(**values)).rowcount == 0:
            raise Conflict(
                f"job {state.id} was changed by another orchestrator; this one has to load it again"
            )
        self._revisions[state.id] = revision + 1

    def _open_attempt(self, state: JobState, now: datetime) -> None:
        row = {"job_id": state.id, "number": state.attempt, "workers": len(state.tasks), "started_at": now}
        self._connection.execute(insert(attempts).values(**row))
        rows = [
            {"lease": task.lease.token, "job_id": state.id, "attempt": state.attempt, "rank": task.lease.rank,
             "worker_id": task.lease.worker_id, "rendezvous": task.lease.rendezvous, "status": task.status.value}
            for task in state.tasks
        ]  # fmt: skip
        self._connection.execute(insert(tasks), rows)

    def _save_tasks(self, before: JobState, after: JobState, now: datetime) -> None:
        known = {task.lease.token: task for task in before.tasks}
        for task in after.tasks:
            if known.get(task.lease.token) == task:
                continue
            values: dict[str, Any] = {"status": task.status.value}
            if task.status is TaskStatus.RUNNING:
                values["started_at"] = now
            if task.outcome is not None:
                values |= {"finished_at": now, "outcome": _outcome_to_dict(task.outcome)}
            # The fence: an outcome is written once, by the lease that is still in force.
            mine = (tasks.c.lease == task.lease.token) & tasks.c.status.in_(_LIVE)
            if self._connection.execute(update(tasks).where(mine).values(**values)).rowcount == 0:
                raise Conflict(
                    f"lease {task.lease.token} is not in force any more; its report changes nothing"
                )

    def _carry_out(self, state: JobState, effect: Effect, now: datetime) -> None:
        if isinstance(effect, StartTask):
            self._command(effect.lease, "start", {"job_id": state.id, "rank": effect.lease.rank}, now)
        elif isinstance(effect, StopTask):
            self._command(effect.lease, "stop", {"reason": effect.reason}, now)
        elif isinstance(effect, ReleaseLease):
            token = effect.lease.token
            self._connection.execute(update(leases).where(leases.c.token == token).values(released_at=now))
            mine = (outbox.c.topic == f"agent:{effect.lease.worker_id}") & (outbox.c.ref == str(token))
            self._connection.execute(
                update(outbox).where(mine & outbox.c.done_at.is_(None)).values(done_at=now)
            )
        elif isinstance(effect, CloseAttempt):
            mine = (attempts.c.job_id == state.id) & (attempts.c.number == effect.number)
            values = {"finished_at": now, "outcome": effect.outcome, "reason": _text(effect.reason)}
            self._connection.execute(update(attempts).where(mine).values(**values))

    def _command(self, lease: Lease, kind: str, data: dict[str, Any], now: datetime) -> None:
        topic = f"agent:{lease.worker_id}"
        row = {"topic": topic, "kind": kind, "ref": str(lease.token), "data": data, "created_at": now}
        number = self._connection.execute(insert(outbox).values(**row).returning(outbox.c.id)).scalar_one()
        self.commands.append(Command(number, topic, kind, str(lease.token), data))

    def job_of_lease(self, token: int) -> str | None:
        found = self._connection.execute(select(leases.c.job_id).where(leases.c.token == token)).scalar()
        return str(found) if found is not None else None

    def worker_of_lease(self, token: int) -> str | None:
        found = self._connection.execute(select(leases.c.worker_id).where(leases.c.token == token)).scalar()
        return str(found) if found is not None else None

    def in_force(self, worker_id: str, token: int) -> bool:
        """Whether the lease is still this worker's: the fence that every report has to pass."""
        mine = (leases.c.token == token) & (leases.c.worker_id == worker_id) & leases.c.released_at.is_(None)
        return self._connection.execute(select(leases.c.token).where(mine)).scalar() is not None

    def queue(self, limit: int) -> list[QueuedJob]:
        """Waiting jobs, those with the highest priority first, oldest first among equals."""
        columns = (jobs.c.id, jobs.c.priority, jobs.c.created_at, jobs.c.not_before, jobs.c.spec)
        query = select(*columns).where(jobs.c.status == JobStatus.QUEUED.value)
        rows = self._connection.execute(
            query.order_by(jobs.c.priority, jobs.c.created_at, jobs.c.id).limit(limit)
        )
        return [
            QueuedJob(row.id, row.priority, row.created_at, row.not_before, row.spec["resources"])
            for row in rows
        ]

    def live_leases(self, worker_id: str | None = None) -> list[LiveLease]:
        joined = leases.join(tasks, tasks.c.lease == leases.c.token).join(jobs, jobs.c.id == leases.c.job_id)
        query = select(leases.c.token, leases.c.worker_id, leases.c.job_id, tasks, jobs.c.spec).select_from(
            joined
        )
        query = query.where(leases.c.released_at.is_(None))
        if worker_id is not None:
            query = query.where(leases.c.worker_id == worker_id)
        return [
            LiveLease(row.token, row.worker_id, row.job_id, row.rank, row.attempt, row.status, row.rendezvous,
                      row.log_offset, row.record_offset, row.spec["resources"])
            for row in self._connection.execute(query.order_by(leases.c.token))
        ]  # fmt: skip

    def held_tasks(self, worker_id: str, tokens: Sequence[int]) -> list[HeldTask]:
        """Those of `tokens` that were ever leased to this worker."""
        columns = (leases.c.token, leases.c.released_at, tasks.c.log_offset, tasks.c.record_offset)
        query = select(*columns).join(tasks, tasks.c.lease == leases.c.token)
        rows = self._connection.execute(
            query.where(leases.c.token.in_(tokens), leases.c.worker_id == worker_id)
        )
        return [
            HeldTask(row.token, row.log_offset, row.record_offset, row.released_at is not None)
            for row in rows
        ]

    def running_deadlines(self) -> list[tuple[str, datetime, float]]:
        """`(job id, start of the running attempt, limit in seconds)` of running jobs that have a timeout."""
        joined = jobs.join(attempts, (attempts.c.job_id == jobs.c.id) & (attempts.c.number == jobs.c.attempt))
        query = select(jobs.c.id, jobs.c.spec, attempts.c.started_at).select_from(joined)
        rows = self._connection.execute(query.where(jobs.c.status == JobStatus.RUNNING.value))
        return [
            (row.id, row.started_at, float(row.spec["timeout"])) for row in rows if row.spec.get("timeout")
        ]

    def payload(self, job_id: str) -> dict[str, Any]:
        """What the tasks of a job's running attempt have to be told, apart from their ranks."""
        row = self._connection.execute(select(jobs).where(jobs.c.id == job_id)).one()
        mine = (tasks.c.job_id == job_id) & (tasks.c.attempt == row.attempt)
        gang = self._connection.execute(
            select(tasks.c.worker_id, tasks.c.rendezvous).where(mine).order_by(tasks.c.rank)
        ).all()
        newest = self.last_checkpoint(job_id)
        host, _, port = (gang[0].rendezvous or "127.0.0.1:0").rpartition(":")
        return {
            "world_size": len(gang),
            "workers": [task.worker_id for task in gang],
            "master_addr": host,
            "master_port": int(port),
            "job_id": row.id,
            "job_name": row.name,
            "attempt": row.attempt,
            "spec": row.spec,
            "dataset": row.inputs.get("dataset"),
            "code": row.inputs.get("code"),
            "checkpoint": {key: newest.data[key] for key in ("key", "step", "sha256")} if newest else None,
        }

    def last_checkpoint(self, job_id: str) -> Event | None:
        mine = (events.c.job_id == job_id) & (events.c.kind == "checkpoint")
        row = self._connection.execute(
            select(events).where(mine).order_by(events.c.id.desc()).limit(1)
        ).one_or_none()
        return Event(row.id, row.job_id, row.kind, row.at, row.data) if row else None

    def open_commands(self, topic: str) -> list[Command]:
        query = (
            select(outbox).where(outbox.c.topic == topic, outbox.c.done_at.is_(None)).order_by(outbox.c.id)
        )
        return [
            Command(row.id, row.topic, row.kind, row.ref, row.data) for row in self._connection.execute(query)
        ]

    def close_commands(self, ids: Sequence[int], now: datetime) -> None:
        if ids:
            self._connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(done_at=now))

    def close_command(self, worker_id: str, token: int, kind: str, now: datetime) -> None:
        mine = (
            (outbox.c.topic == f"agent:{worker_id}") & (outbox.c.ref == str(token)) & (outbox.c.kind == kind)
        )
        self._connection.execute(update(outbox).where(mine & outbox.c.done_at.is_(None)).values(done_at=now))

    def take_over(self, token: int, stream: str, start: int, end: int, new: Sequence[NewEvent]) -> int | None:
        """Appends a piece of a task's log or records once: only when it begins where the last one ended.

        Returns:
            Where the stream stands now (the agent goes on from there), or None for an unknown lease.
        """
        column = tasks.c[f"{stream}_offset"]
        mine = (tasks.c.lease == token) & (column == start)
        if self._connection.execute(update(tasks).where(mine).values({column: end})).rowcount:
            self._log.append(self._connection, new)
            return end
        found = self._connection.execute(select(column).where(tasks.c.lease == token)).scalar()
        return int(found) if found is not None else None

    def task_place(self, token: int) -> tuple[str, int, int] | None:
        """`(job id, attempt, rank)` of a lease's task."""
        row = self._connection.execute(
            select(tasks.c.job_id, tasks.c.attempt, tasks.c.rank).where(tasks.c.lease == token)
        ).one_or_none()
        return (row.job_id, row.attempt, row.rank) if row else None

    def update_progress(
        self, job_id: str, attempt: int, progress: float | None, metrics: dict[str, Any]
    ) -> None:
        """Latest figures for lists and bars; those of an attempt that is over are left out."""
        mine = (
            (jobs.c.id == job_id) & (jobs.c.attempt == attempt) & (jobs.c.status == JobStatus.RUNNING.value)
        )
        row = self._connection.execute(select(jobs.c.metrics, jobs.c.progress).where(mine)).one_or_none()
        if row is not None:
            values = {
                "metrics": {**row.metrics, **metrics},
                "progress": row.progress if progress is None else progress,
            }
            self._connection.execute(update(jobs).where(mine).values(**values))


def _text(reason: str | None) -> str | None:
    # A task's own last words may hold anything; its end has to be written all the same.
    return None if reason is None else storable_text(reason)


def _state(row: Row[Any], found: Sequence[Row[Any]]) -> JobState:
    return JobState(
        id=row.id,
        status=JobStatus(row.status),
        retries=int(row.spec.get("retries", 3)),
        attempt=row.attempt,
        failures=row.failures,
        tasks=tuple(_task_state(task) for task in found),
        cancel_requested=row.cancel_requested,
        pause_requested=row.pause_requested,
        stop=Failure.from_dict(row.stop) if row.stop else None,
        not_before=row.not_before,
        reason=row.reason,
        error=Failure.from_dict(row.error) if row.error else None,
        result=row.result,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _task_state(row: Row[Any]) -> TaskState:
    outcome = _outcome_from_dict(row.outcome) if row.outcome else None
    return TaskState(
        Lease(row.lease, row.rank, row.worker_id, row.rendezvous), TaskStatus(row.status), outcome
    )


def _outcome_to_dict(outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure.to_dict() if outcome.failure else None
    return {"status": outcome.status.value, "failure": failure, "result": outcome.result}


def _outcome_from_dict(data: dict[str, Any]) -> Outcome:
    failure = Failure.from_dict(data["failure"]) if data.get("failure") else None
    return Outcome(TaskStatus(data["status"]), failure, data.get("result") or {})
