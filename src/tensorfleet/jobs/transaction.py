"""One transaction of the orchestrator: load states, save what was decided, take over what agents deliver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tensorfleet.adapters.schema import jobs, leases, outbox, tasks
from tensorfleet.errors import Conflict, NotFound
from tensorfleet.jobs.accounting import split, used
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import CloseAttempt, Effect, Record, ReleaseLease, StartTask, StopTask
from tensorfleet.jobs.memory import JobMemory, KnownJob, KnownTask
from tensorfleet.jobs.model import (
    FailureClass,
    JobState,
    JobStatus,
    Lease,
    NewEvent,
    Outcome,
    TaskStatus,
)
from tensorfleet.jobs.pending import Writes
from tensorfleet.jobs.ports import Command, QueuedJob
from tensorfleet.jobs.rows import (
    known_task_of,
    outcome_to_dict,
    queued_of,
    state_of,
    stored_text,
)
from tensorfleet.jobs.stored_fleet import StoredFleet

_TIMED_TASKS = select(tasks, leases.c.granted_at).join(leases, leases.c.token == tasks.c.lease)


class SqlJobTransaction(StoredFleet):
    """`JobTransaction` on one connection; everything is committed or nothing.

    Writes are collected and go out with `flush`, which every read that could miss them calls first, and the end of the
    transaction does.  `memory` spares reading what the orchestrator itself wrote.
    """

    def __init__(self, connection: Connection, log: SqlEventLog, memory: JobMemory) -> None:
        self.connection = connection
        self._log = log
        self._memory = memory
        self._writes = Writes()
        self._jobs_seen: set[str] = set()
        self._looked_up: set[int] = set()
        self.commands: list[Command] = []
        """What this transaction told agents to do; sent once it is committed."""
        self.recorded: list[NewEvent] = []
        """Entries of the event log about decisions."""
        self.touched: dict[str, tuple[QueuedJob, JobState]] = {}
        """Jobs whose state was written, as they are now."""
        self.progress: dict[str, float] = {}
        """How far jobs have told that they are, 0 to 1."""

    def flush(self) -> None:
        """Writes what was collected so far.

        Raises:
            Conflict: a job or a lease is not as it was when it was decided on; the transaction has to be given up.
        """
        writes, self._writes = self._writes, Writes()
        writes.flush(self.connection, self._log)

    def close(self) -> None:
        """The end of the transaction's work, before its commit."""
        self.flush()
        self._memory.keep_running(self._jobs_seen | self.touched.keys(), self._looked_up)

    # ---- jobs ----------------------------------------------------------------------------------------------------------

    def load(self, job_id: str) -> JobState:
        return self._known(job_id).state

    def load_all(self, job_ids: Sequence[str]) -> None:
        """Reads several jobs with one statement; `load` has them then."""
        missing = [job_id for job_id in job_ids if job_id not in self._memory.jobs]
        if missing:
            for row in self.connection.execute(select(jobs).where(jobs.c.id.in_(missing))):
                self._remember(row)

    def _known(self, job_id: str) -> KnownJob:
        known = self._memory.jobs.get(job_id)
        if known is not None:
            return known
        row = self.connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no job '{job_id}'")
        return self._remember(row)

    def _remember(self, row: Row[Any]) -> KnownJob:
        found: Sequence[Row[Any]] = ()
        if row.attempt:
            current = (tasks.c.job_id == row.id) & (tasks.c.attempt == row.attempt)
            found = self.connection.execute(_TIMED_TASKS.where(current).order_by(tasks.c.rank)).all()
        known = KnownJob(
            queued_of(row),
            state_of(row, found),
            row.revision,
            row.spec,
            row.inputs,
            row.progress,
            row.metrics,
        )
        self._memory.jobs[row.id] = known
        self._jobs_seen.add(row.id)
        self._looked_up.update(task.lease for task in found)
        for task in found:  # one that is known already may stand further than what is written yet
            self._memory.tasks.setdefault(task.lease, known_task_of(task))
        return known

    def grant(
        self, job_id: str, worker_ids: Sequence[str], rendezvous: str | None, now: datetime
    ) -> tuple[Lease, ...]:
        """Draws a lease for each rank, in order; they bind nobody until the transaction commits."""
        return self.grant_all(((job_id, worker_ids, rendezvous),), now)[0]

    def grant_all(
        self,
        gangs: Sequence[tuple[str, Sequence[str], str | None]],
        now: datetime,
        worker_types: Mapping[str, str] | None = None,
    ) -> list[tuple[Lease, ...]]:
        """`grant` for several gangs, each `(job id, worker ids, rendezvous)`, with one statement.

        Args:
            worker_types: of the workers that are of a named type.
        """
        types = worker_types or {}
        rows = [
            {"worker_id": worker_id, "job_id": job_id, "granted_at": now, "worker_type": types.get(worker_id)}
            | self._stands_for(job_id)
            for job_id, worker_ids, _ in gangs
            for worker_id in worker_ids
        ]
        if not rows:
            return []
        drawn = insert(leases).returning(leases.c.token, sort_by_parameter_order=True)
        tokens = iter(self.connection.execute(drawn, rows).scalars().all())
        return [
            tuple(Lease(next(tokens), rank, worker_id, meet) for rank, worker_id in enumerate(worker_ids))
            for _, worker_ids, meet in gangs
        ]

    def _stands_for(self, job_id: str) -> dict[str, Any]:
        """What each lease of the job takes of the fleet, and on whose account."""
        known = self._known(job_id)
        queued, asked = known.queued, known.queued.resources
        held = {"cpus": asked["cpus"], "gpus": asked["gpus"], "memory_bytes": asked["memory"]}
        runs = known.spec.get("algorithm") or known.spec.get("entrypoint")
        whose = {"workspace": queued.workspace, "job_name": queued.name}
        return {**whose, "algorithm": str(runs)[:300] if runs else None, **held}

    def save(self, before: JobState, after: JobState, effects: Sequence[Effect], now: datetime) -> None:
        """Writes the difference between two states, with log entries and commands.

        Raises (by the end of the transaction):
            Conflict: somebody else saved this job since it was loaded; nothing was written.
        """
        if before == after and not effects:
            return
        known = self._known(after.id)
        if known.state != before:
            raise Conflict(f"job {after.id} was changed since it was loaded; it has to be loaded again")
        self._save_job(known, after, reset=before.status.ended and not after.status.ended)
        known.state = after
        known.queued = replace(known.queued, not_before=after.not_before)
        self.touched[after.id] = (known.queued, after)
        if after.attempt > before.attempt:
            self._open_attempt(after, now)
        else:
            self._save_tasks(before, after, now)
        for effect in effects:
            self._carry_out(after, effect, now)

    def _save_job(self, known: KnownJob, state: JobState, reset: bool) -> None:
        values: dict[str, Any] = {
            "status": state.status.value,
            "reason": stored_text(state.reason),
            "attempt": state.attempt,
            "failures": state.failures,
            "losses": state.losses,
            "accumulation": state.accumulation,
            "steps_lost": state.steps_lost,
            "cancel_requested": state.cancel_requested,
            "pause_requested": state.pause_requested,
            "stop": state.stop.to_dict() if state.stop else None,
            "not_before": state.not_before,
            "error": state.error.to_dict() if state.error else None,
            "failure": state.error.cls.value if state.error else None,
            "started_at": state.started_at,
            "finished_at": state.finished_at,
            "revision": known.revision + 1,
        }
        if state.status is JobStatus.COMPLETED and state.result is not None:
            values |= {"result": state.result, "metrics": state.result.get("metrics") or {}, "progress": 1.0}
        if reset:
            values |= {"progress": 0.0, "result": None}
            known.progress = 0.0
        self._writes.save_job(state.id, known.revision, values)
        known.revision += 1

    def _open_attempt(self, state: JobState, now: datetime) -> None:
        row = {"job_id": state.id, "number": state.attempt, "workers": len(state.tasks), "started_at": now}
        self._writes.new_attempts.append(row)
        for task in state.tasks:
            lease = task.lease
            self._writes.new_tasks.append(
                {"lease": lease.token, "job_id": state.id, "attempt": state.attempt, "rank": lease.rank,
                 "worker_id": lease.worker_id, "rendezvous": lease.rendezvous, "status": task.status.value}
            )  # fmt: skip
            self._memory.tasks[lease.token] = KnownTask(
                state.id, state.attempt, lease.rank, lease.worker_id, granted_at=now
            )

    def _save_tasks(self, before: JobState, after: JobState, now: datetime) -> None:
        known = {task.lease.token: task for task in before.tasks}
        for task in after.tasks:
            if known.get(task.lease.token) == task:
                continue
            values: dict[str, Any] = {"status": task.status.value}
            timed = self._task(task.lease.token)
            if task.status is TaskStatus.RUNNING:
                values["started_at"] = now
            if task.outcome is not None:
                values |= {"finished_at": now, "outcome": outcome_to_dict(task.outcome)}
            if timed is not None:
                timed.started_at = values.get("started_at", timed.started_at)
                timed.ended_at = values.get("finished_at", timed.ended_at)
            self._writes.save_task(task.lease.token, values)
            if task.outcome is not None and timed is not None:
                self._writes.save_lease(task.lease.token, self._used(timed, task.outcome, now))

    def _used(self, task: KnownTask, outcome: Outcome, now: datetime) -> dict[str, Any]:
        asked = self._known(task.job_id).queued.resources
        ran_s = (now - task.started_at).total_seconds() if task.started_at else 0.0
        found = used(outcome.usage, ran_s, asked["cpus"], asked["memory"])
        return {"cpu_used_s": found.cpu_s, "energy_j": found.energy_j, "energy_how": found.energy_how}

    def _carry_out(self, state: JobState, effect: Effect, now: datetime) -> None:
        if isinstance(effect, Record):
            self.note(NewEvent(effect.kind, now, effect.data, state.id))
        elif isinstance(effect, StartTask):
            self._command(effect.lease, "start", {"job_id": state.id, "rank": effect.lease.rank}, now)
        elif isinstance(effect, StopTask):
            self._command(effect.lease, "stop", {"reason": effect.reason, "how": effect.how.value}, now)
        elif isinstance(effect, ReleaseLease):
            self._writes.release(effect.lease.token, effect.lease.worker_id, now)
        elif isinstance(effect, CloseAttempt):
            mine = {"b_job": state.id, "b_number": effect.number}
            values = {"finished_at": now, "outcome": effect.outcome, "reason": stored_text(effect.reason)}
            self._writes.closed_attempts.append(mine | values)
            self._account(state, effect, now)

    def _account(self, state: JobState, closed: CloseAttempt, now: datetime) -> None:
        """Says of each lease of the attempt what its time was good for."""
        held = {
            task.lease.token: known
            for task in state.tasks
            if (known := self._task(task.lease.token)) is not None
        }
        begun = [known.granted_at for known in held.values() if known.granted_at is not None]
        completed = closed.outcome == JobStatus.COMPLETED.value
        kept = moved = None
        if begun and not completed:
            kept = self.newest_of(state.id, ("checkpoint",), min(begun))
            if closed.outcome == FailureClass.HANG.value:
                moved = self.newest_of(state.id, ("checkpoint", "metrics"), min(begun)) or min(begun)
        for token, known in held.items():
            if known.granted_at is not None:
                parts = split(
                    known.granted_at, known.started_at, known.ended_at or now,
                    completed=completed, kept_until=kept, hung_since=moved,
                )  # fmt: skip
                self._writes.save_lease(token, asdict(parts))

    def _command(self, lease: Lease, kind: str, data: dict[str, Any], now: datetime) -> None:
        topic = f"agent:{lease.worker_id}"
        row = {"topic": topic, "kind": kind, "ref": str(lease.token), "data": data, "created_at": now}
        self._writes.orders.append(row)
        self.commands.append(Command(None, topic, kind, str(lease.token), data))

    def note(self, event: NewEvent) -> None:
        """Adds an entry to the event log, other than what tasks left."""
        self._writes.events.append(event)
        self.recorded.append(event)

    # ---- leases --------------------------------------------------------------------------------------------------------

    def job_of_lease(self, token: int) -> str | None:
        task = self._task(token)
        return task.job_id if task else None

    def worker_of_lease(self, token: int) -> str | None:
        task = self._task(token)
        return task.worker_id if task else None

    def in_force(self, worker_id: str, token: int) -> bool:
        """Whether the lease is still this worker's: the fence that every report has to pass."""
        task = self._task(token)
        if task is None or task.worker_id != worker_id:
            return False
        return any(live.lease.token == token for live in self.load(task.job_id).live_tasks)

    def _task(self, token: int) -> KnownTask | None:
        """Locked while it is read: a job that is being deleted goes before this, with its log, or after it."""
        if token not in self._memory.tasks:
            query = _TIMED_TASKS.where(tasks.c.lease == token).with_for_update(of=tasks)
            row = self.connection.execute(query).one_or_none()
            if row is None:
                return None
            self._memory.tasks[token] = known_task_of(row)
            self._looked_up.add(token)
        return self._memory.tasks[token]

    def payload(self, job_id: str) -> dict[str, Any]:
        """What the tasks of a job's running attempt have to be told, apart from their ranks."""
        known = self._known(job_id)
        gang = [task.lease for task in known.state.tasks]
        # Only an earlier attempt, or the job that it was forked from, can have left one.
        saved = known.state.attempt > 1 or known.inputs.get("forked")
        newest = self.last_checkpoint(job_id) if saved else None
        host, _, port = (gang[0].rendezvous or "127.0.0.1:0").rpartition(":")
        return {
            "world_size": len(gang),
            "workers": [lease.worker_id for lease in gang],
            "master_addr": host,
            "master_port": int(port),
            "job_id": job_id,
            "job_name": known.queued.name,
            "attempt": known.state.attempt,
            "accumulation": known.state.accumulation,
            "spec": known.spec,
            "dataset": known.inputs.get("dataset"),
            "code": known.inputs.get("code"),
            "checkpoint": {key: newest.data[key] for key in ("key", "step", "sha256")} if newest else None,
            "until": known.inputs.get("until"),
            **_traced(known),
        }

    def given(self, token: int) -> tuple[dict[str, Any], datetime] | None:
        """The spec that a lease's task has run, and when the lease was granted; None for an unknown one."""
        task = self._task(token)
        if task is None or task.granted_at is None:
            return None
        return self._known(task.job_id).spec, task.granted_at

    def close_commands(self, commands: Sequence[Command], now: datetime) -> None:
        ids = [command.id for command in commands]
        if ids:
            self.connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(done_at=now))

    def close_command(self, worker_id: str, token: int, kind: str, now: datetime) -> None:
        self._writes.confirmed_orders.append(
            {"b_topic": f"agent:{worker_id}", "b_ref": str(token), "b_kind": kind, "done_at": now}
        )

    # ---- what tasks leave ----------------------------------------------------------------------------------------------

    def take_over(self, token: int, stream: str, start: int, end: int, new: Sequence[NewEvent]) -> int | None:
        """Appends a piece of a task's log or records once: only when it begins where the last one ended.

        Returns:
            Where the stream stands now (the agent goes on from there), or None for an unknown lease.
        """
        task = self._task(token)
        if task is None:
            return None
        if start == getattr(task, stream):
            setattr(task, stream, end)
            self._writes.offsets[token] = {
                "b_lease": token, "log_offset": task.log, "record_offset": task.record,
            }  # fmt: skip
            self._writes.events += new
        return int(getattr(task, stream))

    def task_place(self, token: int) -> tuple[str, int, int] | None:
        """`(job id, attempt, rank)` of a lease's task."""
        task = self._task(token)
        return (task.job_id, task.attempt, task.rank) if task else None

    def update_progress(
        self, job_id: str, attempt: int, progress: float | None, metrics: dict[str, Any]
    ) -> None:
        """Latest figures for lists and bars; those of an attempt that is over are left out."""
        known = self._known(job_id)
        if known.state.status is not JobStatus.RUNNING or known.state.attempt != attempt:
            return
        if progress is not None:
            known.progress = self.progress[job_id] = progress
        known.metrics = {**known.metrics, **metrics}
        self._writes.progress[job_id] = {
            "b_id": job_id, "progress": known.progress, "metrics": known.metrics,
        }  # fmt: skip


def _traced(known: KnownJob) -> dict[str, Any]:
    """Where the job's trace goes on, if whoever submitted it is traced."""
    parent = known.inputs.get("traceparent")
    return {"traceparent": parent, "submitted_at": known.queued.created_at.timestamp()} if parent else {}
