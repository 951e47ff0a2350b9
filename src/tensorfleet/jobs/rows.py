"""Between the rows of jobs and tasks and the values that the lifecycle decides on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from tensorfleet.adapters.schema import jobs
from tensorfleet.jobs.memory import KnownTask
from tensorfleet.jobs.model import Failure, JobState, JobStatus, Lease, Outcome, TaskState, TaskStatus
from tensorfleet.jobs.ports import QueuedJob
from tensorfleet.kit.storable import storable_text

QUEUE_COLUMNS = (
    jobs.c.id, jobs.c.priority, jobs.c.created_at, jobs.c.not_before, jobs.c.spec, jobs.c.workspace, jobs.c.name
)  # fmt: skip


def queued_of(row: Any) -> QueuedJob:
    return QueuedJob(
        row.id, row.priority, row.created_at, row.not_before, row.spec["resources"], row.workspace, row.name,
        row.spec.get("dataset"), row.spec.get("timeout"),
    )  # fmt: skip


def stored_text(reason: str | None) -> str | None:
    # A task's own last words may hold anything; its end has to be written all the same.
    return None if reason is None else storable_text(reason)


def state_of(row: Row[Any], found: Sequence[Row[Any]]) -> JobState:
    return JobState(
        id=row.id,
        status=JobStatus(row.status),
        retries=int(row.spec.get("retries", 3)),
        attempt=row.attempt,
        failures=row.failures,
        losses=row.losses,
        accumulation=row.accumulation,
        most_accumulation=int(row.inputs.get("most_accumulation") or 1),
        steps_lost=row.steps_lost,
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


def outcome_to_dict(outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure.to_dict() if outcome.failure else None
    return {"status": outcome.status.value, "failure": failure, "result": outcome.result}


def _outcome_from_dict(data: dict[str, Any]) -> Outcome:
    failure = Failure.from_dict(data["failure"]) if data.get("failure") else None
    return Outcome(TaskStatus(data["status"]), failure, data.get("result") or {})


def known_task_of(row: Row[Any]) -> KnownTask:
    return KnownTask(
        row.job_id, row.attempt, row.rank, row.worker_id, row.log_offset, row.record_offset,
        row.granted_at, row.started_at, row.finished_at,
    )  # fmt: skip
