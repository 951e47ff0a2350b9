"""What each message means for the stored state.  Every function works inside one transaction and does nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog

from tensorfleet.errors import IllegalTransition, NotFound
from tensorfleet.fleet.model import Worker
from tensorfleet.jobs.accounting import parse_usage
from tensorfleet.jobs.events import (
    CancelRequested,
    JobEvent,
    PauseRequested,
    ResumeRequested,
    RetryRequested,
    TaskFinished,
    TaskStarted,
)
from tensorfleet.jobs.machine import decide
from tensorfleet.jobs.model import Failure, FailureClass, NewEvent, Outcome, TaskStatus
from tensorfleet.jobs.ports import Command, HeldTask
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.orchestrator import records

INTENTS: dict[str, type[Any]] = {
    "cancel": CancelRequested,
    "pause": PauseRequested,
    "resume": ResumeRequested,
    "retry": RetryRequested,
}
_UNREADABLE = Outcome(
    TaskStatus.FAILED, Failure(FailureClass.INTERNAL, "the agent's report could not be read")
)
log = structlog.get_logger()


def apply_event(tx: SqlJobTransaction, job_id: str, event: JobEvent, now: datetime) -> None:
    """Load, decide, save."""
    before = tx.load(job_id)
    after, effects = decide(before, event, now)
    tx.save(before, after, effects, now)


def take_intents(tx: SqlJobTransaction, now: datetime) -> list[Command]:
    """Carries out what users asked for; returns intents about workers, which stay open until the caller closes them."""
    about_workers = []
    done = []
    for command in tx.open_commands("orchestrator"):
        intent = INTENTS.get(command.kind)
        if intent is None:
            about_workers.append(command)
            continue
        done.append(command)
        try:
            apply_event(tx, command.ref or "", intent(), now)
        except (IllegalTransition, NotFound) as error:
            log.info("intent came too late", job=command.ref, intent=command.kind, detail=error.detail)
    tx.close_commands(done, now)
    return about_workers


def task_started(tx: SqlJobTransaction, worker_id: str, token: int, now: datetime) -> None:
    job_id = tx.job_of_lease(token)
    if job_id is not None and tx.in_force(worker_id, token):
        apply_event(tx, job_id, TaskStarted(token), now)
        tx.close_command(worker_id, token, "start", now)


def task_finished(tx: SqlJobTransaction, worker_id: str, token: int, outcome: Outcome, now: datetime) -> bool:
    """Takes an outcome over, once; False when the lease is not in force (a late or a second report changes nothing)."""
    job_id = tx.job_of_lease(token)
    if job_id is None or not tx.in_force(worker_id, token):
        return False
    apply_event(tx, job_id, TaskFinished(token, outcome), now)
    return True


def finish_any(
    tx: SqlJobTransaction, token: int, outcome: Outcome, now: datetime, caller: str | None = None
) -> bool:
    """The same for a single call: without a certificate it does not say whose it is, and the lease knows its worker."""
    worker_id = tx.worker_of_lease(token)
    if worker_id is None or caller not in (None, worker_id):
        return False
    return task_finished(tx, worker_id, token, outcome, now)


def parse_outcome(text: str) -> Outcome:
    """An agent's report as a value; one that makes no sense is a failure of ours, not a crash."""
    try:
        data = json.loads(text)
        status = TaskStatus(data["status"])
        failure = None if status is TaskStatus.SUCCEEDED else Failure.from_dict(data)
        outcome = Outcome(status, failure, data.get("result") or {}, parse_usage(data.get("usage")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _UNREADABLE
    return outcome if _makes_sense(outcome) else _UNREADABLE


def _makes_sense(outcome: Outcome) -> bool:
    """Whether it is an end, and its parts are of the kinds that everything after it reads."""
    traceback = outcome.failure.traceback if outcome.failure else None
    return (
        not outcome.status.live
        and isinstance(outcome.result, dict)
        and isinstance(outcome.result.get("metrics") or {}, dict)
        and (traceback is None or isinstance(traceback, str))
    )


def for_jobs_on(tx: SqlJobTransaction, worker_id: str, event: JobEvent, now: datetime) -> int:
    """The same event for every job that has a rank on a worker; returns how many there were."""
    touched = {lease.job_id for lease in tx.live_leases(worker_id)}
    for job_id in sorted(touched):
        apply_event(tx, job_id, event, now)
    return len(touched)


def about_worker(
    tx: SqlJobTransaction, worker: Worker, kind: str, why: str, event: JobEvent, now: datetime
) -> int:
    """`for_jobs_on`, with an entry in the log that people are told of."""
    about = {"worker": worker.id, "name": worker.name, "why": why}
    found = for_jobs_on(tx, worker.id, event, now)
    tx.note(NewEvent(kind, now, about | {"jobs": found}))
    return found


def attach(tx: SqlJobTransaction, worker_id: str, held: Iterable[int], now: datetime) -> list[HeldTask]:
    """Compares what a returning agent holds with what it should: running tasks that it knows nothing of are lost.

    Returns:
        What is known of each lease that it holds, so that it goes on delivering where it stopped.
    """
    tokens = sorted(set(held))
    for lease in tx.live_leases(worker_id):
        if lease.token not in tokens and lease.task_status == TaskStatus.RUNNING.value:
            failure = Failure(FailureClass.LOST_WORKER, f"worker {worker_id} came back without the task")
            apply_event(tx, lease.job_id, TaskFinished(lease.token, Outcome(TaskStatus.LOST, failure)), now)
    return tx.held_tasks(worker_id, tokens)


def take_chunk(
    tx: SqlJobTransaction, token: int, stream: str, start: int, data: bytes, now: datetime, end: int = 0
) -> int | None:
    """Takes a piece of a task's log or records over, exactly once; returns where to go on (None: unknown lease).

    Args:
        end: where it ends in the task's file, if `data` is not as long as it is there.
    """
    end = end if end > start else start + len(data)
    place = tx.task_place(token)
    if place is None or stream not in ("log", "record"):
        return None
    job_id, attempt, rank = place
    where = {"attempt": attempt, "rank": rank}
    if stream == "log":
        # PostgreSQL's text cannot hold a NUL; a log that prints one is still a log.
        text = data.decode("utf-8", "replace").replace("\0", "\ufffd")
        entries = [NewEvent("log", now, {**where, "offset": start, "text": text}, job_id)]
        return tx.take_over(token, stream, start, end, entries)
    found = records.parse_records(data)
    entries = records.record_events(found, where, job_id, now)
    stands = tx.take_over(token, stream, start, end, entries)
    if stands == end:
        progress, latest = records.latest(found)
        if progress is not None or (latest and rank == 0):
            tx.update_progress(job_id, attempt, progress, latest if rank == 0 else {})
    return stands
