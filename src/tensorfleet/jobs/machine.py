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
    Effect,
    JobEvent,
    Leased,
    PauseRequested,
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
    stop = state.stop
    for task, outcome in ends:
        state = _with_task(state, TaskState(task.lease, outcome.status, outcome))
        data: dict[str, Any] = {
            "rank": task.lease.rank,
            "attempt": state.attempt,
            "status": outcome.status.value,
        }
        if outcome.failure:
            data |= {"class": outcome.failure.cls.value, "message": outcome.failure.message}
        effects += [ReleaseLease(task.lease), Record("task.finished", data)]
        if stop is None and outcome.status is not TaskStatus.SUCCEEDED:
            stop = outcome.failure or Failure(FailureClass.INTERNAL, "the task was stopped without a reason")
            if state.live_tasks:
                stopped, effects_of_stop = _stop_gang(state, stop)
                state, effects = stopped, [*effects, *effects_of_stop]
    state = replace(state, stop=stop)
    if state.live_tasks:
        return state, tuple(effects)
    ended, more = _end_attempt(state, now)
    return ended, (*effects, *more)


def _end_attempt(state: JobState, now: datetime) -> Decision:
    cause = _root_cause(state)
    if cause is None or all(task.status is TaskStatus.SUCCEEDED for task in state.tasks):
        result = next(task.outcome.result for task in state.tasks if task.lease.rank == 0 and task.outcome)
        return _end(replace(state, result=result), JobStatus.COMPLETED, None, now)
    if state.cancel_requested:
        return _end(state, JobStatus.CANCELLED, Failure(FailureClass.CANCELLED, "cancelled on request"), now)
    if cause.cls is FailureClass.PAUSED:
        return _set_aside(state, now)
    interrupted = (
        cause.cls is FailureClass.INTERRUPTED
    )  # somebody stopped the platform: no fault, so no try is used up
    failures = state.failures + (not interrupted)
    if cause.cls.retriable and failures <= state.retries:
        delay_s = 0.0 if interrupted else backoff_s(state.id, failures)
        after = replace(
            state,
            status=JobStatus.QUEUED,
            failures=failures,
            stop=None,
            not_before=now + timedelta(seconds=delay_s),
            reason=f"attempt {state.attempt} ended: {cause.message}; trying again (failures: {failures} of {state.retries})",
        )
        data = {
            "reason": cause.message,
            "class": cause.cls.value,
            "delay_s": round(delay_s, 3),
            "attempt": state.attempt,
        }
        return after, (
            CloseAttempt(state.attempt, cause.cls.value, cause.message),
            Record("job.requeued", data),
        )
    return _end(replace(state, failures=failures), JobStatus.FAILED, cause, now)


def _root_cause(state: JobState) -> Failure | None:
    """A rank that was killed or lost explains the exceptions of its peers, which may have been reported before it."""
    if state.stop is None or state.stop.cls in (
        FailureClass.CANCELLED,
        FailureClass.PAUSED,
        FailureClass.TIMEOUT,
    ):
        return state.stop
    deaths = (
        FailureClass.KILLED, FailureClass.LOST_WORKER, FailureClass.INTERRUPTED, FailureClass.OUT_OF_MEMORY
    )  # fmt: skip
    failures = (task.outcome.failure for task in state.tasks if task.outcome and task.outcome.failure)
    return next((failure for failure in failures if failure.cls in deaths), state.stop)


def _set_aside(state: JobState, now: datetime) -> Decision:
    """The attempt was stopped for a pause: rest, or queue again when the pause was taken back meanwhile."""
    close = CloseAttempt(state.attempt, "paused", None)
    if state.pause_requested:
        after = replace(
            state, status=JobStatus.PAUSED, stop=None, reason="paused on request", pause_requested=False
        )
        return after, (close, Record("job.paused", {"attempt": state.attempt}))
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
        replace(state, cancel_requested=True), Failure(FailureClass.CANCELLED, "cancelled on request")
    )


def _pause_queued(state: JobState, event: PauseRequested, now: datetime) -> Decision:
    after = replace(state, status=JobStatus.PAUSED, reason="paused on request", not_before=None)
    return after, (Record("job.paused", {"attempt": state.attempt}),)


def _pause_running(state: JobState, event: PauseRequested, now: datetime) -> Decision:
    if state.pause_requested:
        return state, ()
    return _stop_gang(replace(state, pause_requested=True), Failure(FailureClass.PAUSED, "paused on request"))


def _resume_running(state: JobState, event: ResumeRequested, now: datetime) -> Decision:
    return replace(state, pause_requested=False), ()


def _resume_paused(state: JobState, event: ResumeRequested, now: datetime) -> Decision:
    return replace(state, status=JobStatus.QUEUED, reason=None), (Record("job.resumed", {}),)


def _retry_ended(state: JobState, event: RetryRequested, now: datetime) -> Decision:
    after = replace(
        state,
        status=JobStatus.QUEUED,
        failures=0,
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
    return _stop_gang(state, Failure(FailureClass.TIMEOUT, message))


def _stop_gang(state: JobState, cause: Failure) -> Decision:
    """Tells every live task to stop; the first cause is the one that counts."""
    first = state.stop or cause
    stops: tuple[Effect, ...] = tuple(StopTask(task.lease, cause.message) for task in state.live_tasks)
    return replace(state, stop=first), stops


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
    assert not (state.status is JobStatus.COMPLETED and state.result is None), "a completed job has a result"
