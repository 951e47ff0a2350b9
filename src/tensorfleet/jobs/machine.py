"""The life of a job, as a pure function: `decide(state, event, now) -> (state, effects)`.

No input or output, no clock and no randomness happen here.  The caller loads the state, decides, saves state, log entries and
commands in one transaction, and only then acts.  A pair that is not in `TABLE` raises `IllegalTransition`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tensorfleet.errors import IllegalTransition
from tensorfleet.jobs.events import (
    CancelRequested,
    CloseAttempt,
    DiskLow,
    Effect,
    HangFound,
    How,
    JobEvent,
    Leased,
    PauseRequested,
    Preempted,
    Record,
    ReleaseLease,
    ResumeRequested,
    RetryRequested,
    StartTask,
    StopTask,
    TaskFinished,
    TaskStarted,
    TimedOut,
    WorkerLost,
)
from tensorfleet.jobs.model import (
    Blame,
    Failure,
    FailureClass,
    JobState,
    JobStatus,
    Outcome,
    TaskState,
    TaskStatus,
)

BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 60.0
MOST_LOSSES = 20
"""Attempts that the fleet may lose of one job; only a fleet that is broken for good reaches it."""

_ON_PURPOSE = (
    FailureClass.CANCELLED, FailureClass.PAUSED, FailureClass.TIMEOUT, FailureClass.PREEMPTED, FailureClass.HANG
)  # fmt: skip
"""Reasons for which we stop a gang ourselves: what its ranks say afterwards explains nothing."""
_DEATHS = (
    FailureClass.KILLED, FailureClass.LOST_WORKER, FailureClass.INTERRUPTED, FailureClass.OUT_OF_MEMORY,
    FailureClass.INFRASTRUCTURE,
)  # fmt: skip
"""A rank that went this way explains the exceptions of its peers, which may have been reported before it."""

Decision = tuple[JobState, tuple[Effect, ...]]


def _start(state: JobState, event: Leased, now: datetime) -> Decision:
    attempt = state.attempt + 1
    after = replace(
        state,
        status=JobStatus.RUNNING,
        attempt=attempt,
        tasks=tuple(TaskState(lease) for lease in event.leases),
        stop=None,
        not_before=None,
        reason=None,
        error=None,
        started_at=state.started_at or now,
    )
    starts: tuple[Effect, ...] = tuple(StartTask(lease) for lease in event.leases)
    return after, (Record("job.started", {"attempt": attempt, "workers": len(event.leases)}), *starts)


def _task_started(state: JobState, event: TaskStarted, now: datetime) -> Decision:
    task = _live_task(state, event.token)
    if task is None or task.status is TaskStatus.RUNNING:
        return state, ()
    data = {"rank": task.lease.rank, "attempt": state.attempt, "worker_id": task.lease.worker_id}
    return _with_task(state, replace(task, status=TaskStatus.RUNNING)), (Record("task.started", data),)


def _task_finished(state: JobState, event: TaskFinished, now: datetime) -> Decision:
    task = _live_task(state, event.token)
    if task is None:
        return state, ()
    return _finish_tasks(state, ((task, event.outcome),), now)


def _worker_lost(state: JobState, event: WorkerLost, now: datetime) -> Decision:
    failure = Failure(FailureClass.LOST_WORKER, f"worker {event.worker_id} stopped answering")
    lost = tuple(
        (task, Outcome(TaskStatus.LOST, failure))
        for task in state.live_tasks
        if task.lease.worker_id == event.worker_id
    )
    return _finish_tasks(state, lost, now) if lost else (state, ())


def _finish_tasks(state: JobState, ends: tuple[tuple[TaskState, Outcome], ...], now: datetime) -> Decision:
    """Some tasks ended: stop the rest of the gang if one failed, end the attempt with the last one."""
    effects: list[Effect] = []
    for task, outcome in ends:
        state = _with_task(state, TaskState(task.lease, outcome.status, outcome))
        data: dict[str, Any] = {
            "rank": task.lease.rank,
            "attempt": state.attempt,
            "status": outcome.status.value,
            "worker_id": task.lease.worker_id,
        }
        if outcome.failure:
            data |= {"class": outcome.failure.cls.value, "message": outcome.failure.message}
        effects += [ReleaseLease(task.lease), Record("task.finished", data)]
        if outcome.status is TaskStatus.SUCCEEDED:
            continue
        if state.stop is None or outcome.status is not TaskStatus.STOPPED:
            # Without this rank its peers wait for ever, also those that were just asked to save.
            state, stops = _stop_gang(state, _cause_of(outcome), How.KILL)
            effects += stops
    if state.live_tasks:
        return state, tuple(effects)
    ended, more = _end_attempt(state, now)
    return ended, (*effects, *more)


def _cause_of(outcome: Outcome) -> Failure:
    if outcome.status is TaskStatus.STOPPED:
        return Failure(FailureClass.INTERRUPTED, "the task was told to end, and not by the platform")
    return outcome.failure or Failure(FailureClass.INTERNAL, "the task ended without a reason")


def _end_attempt(state: JobState, now: datetime) -> Decision:
    cause = _root_cause(state)
    if cause is None or all(task.status is TaskStatus.SUCCEEDED for task in state.tasks):
        result = next(task.outcome.result for task in state.tasks if task.lease.rank == 0 and task.outcome)
        return _end(replace(state, result=result), JobStatus.COMPLETED, None, now)
    if state.cancel_requested:
        return _end(state, JobStatus.CANCELLED, Failure(FailureClass.CANCELLED, "cancelled on request"), now)
    lost = _steps_lost(state)
    state = replace(state, steps_lost=state.steps_lost + (lost or 0))
    if cause.cls is FailureClass.PAUSED:
        return _set_aside(state, cause, lost, now)
    state, again = _charge(state, cause)
    if not again:
        return _end(state, JobStatus.FAILED, cause, now)
    if state.pause_requested:
        return _set_aside(state, Failure(FailureClass.PAUSED, "paused on request"), lost, now)
    return _queue_again(state, cause, lost, now)


def _charge(state: JobState, cause: Failure) -> tuple[JobState, bool]:
    """Puts the ended attempt on somebody's account; False when that account is used up."""
    if cause.cls is FailureClass.OUT_OF_MEMORY and state.accumulation < state.most_accumulation:
        return replace(state, accumulation=state.accumulation * 2), True
    if cause.cls.blame is Blame.JOB:
        return replace(state, failures=state.failures + 1), state.failures < state.retries
    if cause.cls.blame is Blame.FLEET:
        return replace(state, losses=state.losses + 1), state.losses < MOST_LOSSES
    return state, cause.cls.blame is Blame.NOBODY


def _queue_again(state: JobState, cause: Failure, lost: int | None, now: datetime) -> Decision:
    delay_s, account = 0.0, "this attempt does not count"
    if cause.cls is FailureClass.OUT_OF_MEMORY:
        account = f"every batch is now split into {state.accumulation}"
    elif cause.cls.blame is Blame.JOB:
        delay_s = backoff_s(state.id, state.failures)
        account = f"failures: {state.failures} of {state.retries}"
    elif cause.cls.blame is Blame.FLEET:
        delay_s = backoff_s(state.id, state.losses)
        account = f"lost by the fleet: {state.losses} of {MOST_LOSSES}"
    after = replace(
        state,
        status=JobStatus.QUEUED,
        stop=None,
        not_before=now + timedelta(seconds=delay_s),
        reason=f"attempt {state.attempt} ended: {cause.message}; trying again ({account})",
    )
    data: dict[str, Any] = {
        "reason": cause.message,
        "class": cause.cls.value,
        "delay_s": round(delay_s, 3),
        "attempt": state.attempt,
    }
    if cause.cls is FailureClass.OUT_OF_MEMORY:
        data["accumulation"] = state.accumulation
    if cause.evidence and cause.cls is not FailureClass.HANG:  # that of a hang stands in `hang.found`
        data["evidence"] = cause.evidence
    return after, (
        CloseAttempt(state.attempt, cause.cls.value, cause.message),
        Record("job.requeued", data | _lost_data(lost)),
    )


def _root_cause(state: JobState) -> Failure | None:
    if state.stop is None or state.stop.cls in _ON_PURPOSE:
        return state.stop
    failures = (task.outcome.failure for task in state.tasks if task.outcome and task.outcome.failure)
    return next((failure for failure in failures if failure.cls in _DEATHS), state.stop)


def _steps_lost(state: JobState) -> int | None:
    """What the stopped attempt trained beyond its newest checkpoint, as its rank 0 said; None when it said nothing."""
    for task in state.tasks:
        if task.lease.rank == 0 and task.outcome and task.status is TaskStatus.STOPPED:
            step, saved = (task.outcome.result.get(name) for name in ("step", "saved_step"))
            if isinstance(step, int) and isinstance(saved, int):
                return max(0, step - saved)
    return None


def _lost_data(lost: int | None) -> dict[str, Any]:
    return {} if lost is None else {"steps_lost": lost}


def _set_aside(state: JobState, cause: Failure, lost: int | None, now: datetime) -> Decision:
    """The attempt was stopped for a pause: rest, or queue again when the pause was taken back meanwhile."""
    close = CloseAttempt(state.attempt, "paused", cause.message)
    if state.pause_requested:
        after = replace(
            state, status=JobStatus.PAUSED, stop=None, reason=cause.message, pause_requested=False
        )
        data = {"attempt": state.attempt, "reason": cause.message}
        return after, (close, Record("job.paused", data | _lost_data(lost)))
    return replace(state, status=JobStatus.QUEUED, stop=None, reason=None), (close, Record("job.resumed", {}))


def _end(state: JobState, status: JobStatus, failure: Failure | None, now: datetime) -> Decision:
    reason = failure.message if failure else None
    after = replace(
        state,
        status=status,
        stop=None,
        pause_requested=False,
        reason=reason,
        error=failure if status is JobStatus.FAILED else None,
        finished_at=now,
    )
    effects: list[Effect] = (
        [CloseAttempt(state.attempt, status.value, reason)] if state.tasks and state.attempt else []
    )
    data: dict[str, Any] = {"attempt": state.attempt, "reason": reason}
    if failure:
        data["class"] = failure.cls.value
    return after, (*effects, Record(f"job.{status.value}", data))


def _cancel_waiting(state: JobState, event: CancelRequested, now: datetime) -> Decision:
    waiting = replace(state, cancel_requested=True, tasks=())
    return _end(waiting, JobStatus.CANCELLED, Failure(FailureClass.CANCELLED, "cancelled on request"), now)


def _cancel_running(state: JobState, event: CancelRequested, now: datetime) -> Decision:
    if state.cancel_requested:
        return state, ()
    return _stop_gang(
        replace(state, cancel_requested=True),
        Failure(FailureClass.CANCELLED, "cancelled on request"),
        How.END,
    )


def _pause_queued(state: JobState, event: PauseRequested, now: datetime) -> Decision:
    after = replace(state, status=JobStatus.PAUSED, reason="paused on request", not_before=None)
    return after, (Record("job.paused", {"attempt": state.attempt}),)


def _pause_running(state: JobState, event: PauseRequested, now: datetime) -> Decision:
    if state.pause_requested:
        return state, ()
    cause = Failure(FailureClass.PAUSED, "paused on request")
    return _stop_gang(replace(state, pause_requested=True), cause, How.SAVE)


def _resume_running(state: JobState, event: ResumeRequested, now: datetime) -> Decision:
    return replace(state, pause_requested=False), ()


def _resume_paused(state: JobState, event: ResumeRequested, now: datetime) -> Decision:
    return replace(state, status=JobStatus.QUEUED, reason=None), (Record("job.resumed", {}),)


def _retry_ended(state: JobState, event: RetryRequested, now: datetime) -> Decision:
    after = replace(
        state,
        status=JobStatus.QUEUED,
        failures=0,
        losses=0,
        tasks=(),
        cancel_requested=False,
        not_before=None,
        reason=None,
        error=None,
        finished_at=None,
    )
    return after, (
        Record("job.requeued", {"reason": "retried on request", "delay_s": 0, "attempt": state.attempt}),
    )


def _time_out(state: JobState, event: TimedOut, now: datetime) -> Decision:
    if state.stop is not None:
        return state, ()
    message = f"it ran longer than its timeout of {event.limit_s:g} s; raise 'timeout' in the job file if it needs more"
    return _stop_gang(state, Failure(FailureClass.TIMEOUT, message), How.END)


def _preempt(state: JobState, event: Preempted, now: datetime) -> Decision:
    if state.stop is not None:
        return state, ()
    stopped, stops = _stop_gang(state, Failure(FailureClass.PREEMPTED, event.reason), How.SAVE)
    return stopped, (Record("job.preempted", {"attempt": state.attempt, "reason": event.reason}), *stops)


def _hang(state: JobState, event: HangFound, now: datetime) -> Decision:
    if state.stop is not None or event.attempt != state.attempt:
        return state, ()
    found: dict[str, Any] = {"attempt": state.attempt, "message": event.failure.message}
    record = Record("hang.found", found | {"evidence": event.failure.evidence or {}})
    if not event.restart:
        state = replace(state, failures=state.retries)
    stopped, stops = _stop_gang(state, event.failure, How.KILL)
    return stopped, (record, *stops)


def _disk_low(state: JobState, event: DiskLow, now: datetime) -> Decision:
    if state.stop is not None:
        return state, ()
    message = (
        f"paused: worker {event.worker_id} has only {event.free_bytes // 1024**2} MiB of disk left;"
        " make room there, then resume the job"
    )
    return _stop_gang(replace(state, pause_requested=True), Failure(FailureClass.PAUSED, message), How.SAVE)


def _stop_gang(state: JobState, cause: Failure, how: How) -> Decision:
    """Tells every live task to stop; the first cause is the one that counts."""
    stops: tuple[Effect, ...] = tuple(StopTask(task.lease, cause.message, how) for task in state.live_tasks)
    return replace(state, stop=state.stop or cause), stops


def _live_task(state: JobState, token: int) -> TaskState | None:
    return next((task for task in state.live_tasks if task.lease.token == token), None)


def _with_task(state: JobState, changed: TaskState) -> JobState:
    tasks = tuple(changed if task.lease.token == changed.lease.token else task for task in state.tasks)
    return replace(state, tasks=tasks)


def backoff_s(job_id: str, failures: int) -> float:
    """Seconds to wait before try number `failures` + 1: doubling, capped, spread by up to a half so that jobs that
    fell together do not rise together (the spread comes from the id, so that the decision stays a pure one)."""
    base: float = min(BACKOFF_FIRST_S * 2 ** (failures - 1), BACKOFF_MOST_S)
    return base * (1 + 0.5 * zlib.crc32(f"{job_id}:{failures}".encode()) / 2**32)


Handler = Callable[[JobState, Any, datetime], Decision]

TABLE: dict[tuple[JobStatus, type[Any]], Handler] = {
    (JobStatus.QUEUED, Leased): _start,
    (JobStatus.QUEUED, CancelRequested): _cancel_waiting,
    (JobStatus.QUEUED, PauseRequested): _pause_queued,
    (JobStatus.RUNNING, TaskStarted): _task_started,
    (JobStatus.RUNNING, TaskFinished): _task_finished,
    (JobStatus.RUNNING, WorkerLost): _worker_lost,
    (JobStatus.RUNNING, TimedOut): _time_out,
    (JobStatus.RUNNING, Preempted): _preempt,
    (JobStatus.RUNNING, HangFound): _hang,
    (JobStatus.RUNNING, DiskLow): _disk_low,
    (JobStatus.RUNNING, CancelRequested): _cancel_running,
    (JobStatus.RUNNING, PauseRequested): _pause_running,
    (JobStatus.RUNNING, ResumeRequested): _resume_running,
    (JobStatus.PAUSED, ResumeRequested): _resume_paused,
    (JobStatus.PAUSED, CancelRequested): _cancel_waiting,
    (JobStatus.FAILED, RetryRequested): _retry_ended,
    (JobStatus.CANCELLED, RetryRequested): _retry_ended,
}


def decide(state: JobState, event: JobEvent, now: datetime) -> Decision:
    """What follows when `event` happens to a job in `state` at `now`.

    Raises:
        IllegalTransition: the table has no entry for this status and event.
    """
    handler = TABLE.get((state.status, type(event)))
    if handler is None:
        what = type(event).__name__.removesuffix("Requested").lower()
        raise IllegalTransition(f"job {state.id} is {state.status.value}; '{what}' is not possible then")
    return handler(state, event, now)


def check_invariants(state: JobState) -> None:
    """What holds for every job at every moment; tests call it after each step.

    Raises:
        AssertionError: a state that must not exist.
    """
    live = state.live_tasks
    ranks = [task.lease.rank for task in state.tasks]
    assert ranks == sorted(set(ranks)), "each rank has one task"
    assert bool(live) == (state.status is JobStatus.RUNNING), "tasks are live exactly while the job runs"
    assert (state.finished_at is not None) == state.status.ended, "an ended job has an end, others do not"
    assert (state.error is not None) == (state.status is JobStatus.FAILED), "an error belongs to a failed job"
    assert state.stop is None or state.status is JobStatus.RUNNING, "only a running attempt is being stopped"
    assert state.failures <= state.retries + 1, "no more tries than allowed"
    assert state.losses <= MOST_LOSSES + 1, "nor more losses"
    assert state.accumulation <= state.most_accumulation, "nor smaller batches than it can run with"
    assert not (state.status is JobStatus.COMPLETED and state.result is None), "a completed job has a result"
