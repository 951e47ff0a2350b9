"""What each message means for the stored state.  Every function works inside one transaction and does nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from tensorfleet.errors import IllegalTransition, NotFound
from tensorfleet.fleet.model import Worker
from tensorfleet.fleet.snapshot import take_snapshot
from tensorfleet.jobs.events import (
    CancelRequested,
    JobEvent,
    Leased,
    PauseRequested,
    ResumeRequested,
    RetryRequested,
    TaskFinished,
    TaskStarted,
    TimedOut,
    WorkerLost,
)
from tensorfleet.jobs.machine import decide
from tensorfleet.jobs.model import Failure, FailureClass, NewEvent, Outcome, TaskStatus
from tensorfleet.jobs.ports import Command, HeldTask
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.scheduling.model import Place
from tensorfleet.scheduling.placement import schedule

QUEUE_LIMIT = 1000
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


def place_waiting(tx: SqlJobTransaction, workers: Iterable[Worker], now: datetime) -> int:
    """Leases workers to as many waiting gangs as fit; returns how many jobs were started."""
    known = {worker.id: worker for worker in workers}
    queue = tx.queue(QUEUE_LIMIT)
    if not queue:
        return 0
    leases = tx.live_leases()
    decisions = schedule(take_snapshot(now, queue, known.values(), leases))
    used = {lease.rendezvous for lease in leases}
    started = 0
    for decision in decisions:
        if isinstance(decision, Place):
            rendezvous = _free_rendezvous(known[decision.worker_ids[0]], used)
            if rendezvous is None and len(decision.worker_ids) > 1:
                continue  # a fleet scaled beyond the ports that its agent holds: the gang waits for one
            used.add(rendezvous)
            granted = tx.grant(decision.job_id, decision.worker_ids, rendezvous, now)
            apply_event(tx, decision.job_id, Leased(granted), now)
            started += 1
    return started


def _free_rendezvous(worker: Worker, used: set[str | None]) -> str | None:
    """A port that the worker of rank 0 has reserved and that no live gang meets at."""
    host = worker.resources.get("host", "127.0.0.1")
    addresses = (f"{host}:{port}" for port in worker.resources.get("ports", ()))
    return next((address for address in addresses if address not in used), None)


def take_intents(tx: SqlJobTransaction, now: datetime) -> list[Command]:
    """Carries out what users asked for; returns intents about workers, which stay open until the caller closes them."""
    about_workers = []
    done = []
    for command in tx.open_commands("orchestrator"):
        intent = INTENTS.get(command.kind)
        if intent is None:
            about_workers.append(command)
            continue
        done.append(command.id)
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


def finish_any(tx: SqlJobTransaction, token: int, outcome: Outcome, now: datetime) -> bool:
    """The same for a single call, which does not say whose it is: the lease knows its worker."""
    worker_id = tx.worker_of_lease(token)
    return worker_id is not None and task_finished(tx, worker_id, token, outcome, now)


def parse_outcome(text: str) -> Outcome:
    """An agent's report as a value; one that makes no sense is a failure of ours, not a crash."""
    try:
        data = json.loads(text)
        status = TaskStatus(data["status"])
        failure = None if status is TaskStatus.SUCCEEDED else Failure.from_dict(data)
        outcome = Outcome(status, failure, data.get("result") or {})
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


def worker_lost(tx: SqlJobTransaction, worker_id: str, now: datetime) -> int:
    """Takes all leases from a silent worker; returns how many jobs that touched."""
    touched = {lease.job_id for lease in tx.live_leases(worker_id)}
    for job_id in sorted(touched):
        apply_event(tx, job_id, WorkerLost(worker_id), now)
    return len(touched)


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


def stop_overdue(tx: SqlJobTransaction, now: datetime) -> None:
    for job_id, started_at, limit_s in tx.running_deadlines():
        if (now - started_at).total_seconds() > limit_s:
            apply_event(tx, job_id, TimedOut(limit_s), now)


def take_chunk(
    tx: SqlJobTransaction, token: int, stream: str, start: int, data: bytes, now: datetime
) -> int | None:
    """Takes a piece of a task's log or records over, exactly once; returns where to go on (None: unknown lease)."""
    place = tx.task_place(token)
    if place is None or stream not in ("log", "record"):
        return None
    job_id, attempt, rank = place
    where = {"attempt": attempt, "rank": rank}
    if stream == "log":
        # PostgreSQL's text cannot hold a NUL; a log that prints one is still a log.
        text = data.decode("utf-8", "replace").replace("\0", "\ufffd")
        entries = [NewEvent("log", now, {**where, "offset": start, "text": text}, job_id)]
        return tx.take_over(token, stream, start, start + len(data), entries)
    records = _parse_records(data)
    entries = _record_events(records, where, job_id, now)
    end = tx.take_over(token, stream, start, start + len(data), entries)
    if end == start + len(data):
        progress, latest = _latest(records)
        if progress is not None or (latest and rank == 0):
            tx.update_progress(job_id, attempt, progress, latest if rank == 0 else {})
    return end


def _parse_records(data: bytes) -> list[dict[str, Any]]:
    records = []
    for line in data.splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue  # torn by a kill in the middle of a write; the next attempt writes it again
        if isinstance(record, dict):
            records.append(record)
    return records


def _record_events(
    records: list[dict[str, Any]], where: dict[str, int], job_id: str, now: datetime
) -> list[NewEvent]:
    points = [
        {"step": _step(record), "at": _instant(record, now).timestamp(), "values": _numbers(record)}
        for record in records
        if record.get("kind") == "metrics" and _numbers(record)
    ]
    found = [NewEvent("metrics", now, {**where, "points": points}, job_id)] if points else []
    for record in records:
        if record.get("kind") == "checkpoint" and _step(record) is not None and _names_a_file(record):
            data = {key: record.get(key) for key in ("step", "key", "sha256", "bytes")}
            found.append(NewEvent("checkpoint", _instant(record, now), {**where, **data}, job_id))
    return found


def _instant(record: Mapping[str, Any], now: datetime) -> datetime:
    at = record.get("at")
    try:
        return datetime.fromtimestamp(at, UTC) if isinstance(at, (int, float)) else now
    except (ValueError, OverflowError, OSError):
        return now


def _step(record: Mapping[str, Any]) -> int | None:
    step = record.get("step")
    return step if isinstance(step, int) else None


def _names_a_file(record: Mapping[str, Any]) -> bool:
    return all(isinstance(record.get(key), str) for key in ("key", "sha256"))


def _numbers(record: Mapping[str, Any]) -> dict[str, float | None]:
    """The values of a metrics record that are numbers; those without a value, such as NaN, are None."""
    values = record.get("values")
    if not isinstance(values, dict):
        return {}
    return {
        name: _finite(value)
        for name, value in values.items()
        if value is None or isinstance(value, (int, float))
    }


def _finite(value: Any) -> float | None:
    """A number as it is; None for what is none, or is beyond all floats."""
    try:
        return value if isinstance(value, (int, float)) and math.isfinite(value) else None
    except OverflowError:
        return None


def _latest(records: list[dict[str, Any]]) -> tuple[float | None, dict[str, Any]]:
    progress: float | None = None
    latest: dict[str, Any] = {}
    for record in records:
        value = _finite(record.get("value"))
        if record.get("kind") == "progress" and value is not None:
            progress = min(1.0, max(0.0, float(value)))
        elif record.get("kind") == "metrics":
            latest.update(_numbers(record))
    return progress, latest
