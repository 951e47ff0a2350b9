"""The lifecycle: each pair of the table, and random histories against the invariants."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.errors import IllegalTransition
from tensorfleet.jobs import machine
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
from tensorfleet.jobs.machine import check_invariants, decide
from tensorfleet.jobs.model import Failure, FailureClass, JobState, JobStatus, Lease, Outcome, TaskStatus

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DONE = Outcome(TaskStatus.SUCCEEDED, result={"metrics": {"accuracy": 1.0}})
STOPPED = Outcome(TaskStatus.STOPPED, Failure(FailureClass.CANCELLED, "stopped on command"))


def failed(cls: FailureClass = FailureClass.USER_ERROR) -> Outcome:
    return Outcome(TaskStatus.FAILED, Failure(cls, f"{cls.value} happened"))


def queued(**changes: object) -> JobState:
    return replace(JobState("j-1", JobStatus.QUEUED), **changes)


def leases(*tokens: int) -> tuple[Lease, ...]:
    return tuple(Lease(token, rank, f"w{token % 2}") for rank, token in enumerate(tokens))


def play(state: JobState, *events: JobEvent) -> tuple[JobState, list[Effect]]:
    """Applies events in turn; returns the last state and the effects of the last event."""
    effects: tuple[Effect, ...] = ()
    for event in events:
        state, effects = decide(state, event, NOW)
        check_invariants(state)
    return state, list(effects)


def kinds(effects: list[Effect]) -> list[str]:
    return [effect.kind for effect in effects if isinstance(effect, Record)]


def test_a_gang_is_started_whole() -> None:
    state, effects = play(queued(), Leased(leases(1, 2)))
    assert state.status is JobStatus.RUNNING
    assert state.attempt == 1
    assert state.started_at == NOW
    assert [effect.lease.token for effect in effects if isinstance(effect, StartTask)] == [1, 2]


def test_it_completes_when_every_rank_has_succeeded() -> None:
    running, _ = play(
        queued(),
        Leased(leases(1, 2)),
        TaskStarted(1),
        TaskStarted(2),
        TaskFinished(2, Outcome(TaskStatus.SUCCEEDED)),
    )
    assert running.status is JobStatus.RUNNING
    state, effects = play(running, TaskFinished(1, DONE))
    assert state.status is JobStatus.COMPLETED
    assert state.result == DONE.result, "the result is that of rank 0"
    assert CloseAttempt(1, "completed", None) in effects
    assert kinds(effects) == ["task.finished", "job.completed"]


def test_a_task_that_starts_twice_starts_once() -> None:
    started, _ = play(queued(), Leased(leases(1)), TaskStarted(1))
    again, effects = play(started, TaskStarted(1))
    assert again == started
    assert effects == []


def test_reports_under_a_foreign_token_change_nothing() -> None:
    running, _ = play(queued(), Leased(leases(1)))
    for event in (TaskStarted(99), TaskFinished(99, DONE), WorkerLost("nobody")):
        assert decide(running, event, NOW) == (running, ())


def test_a_failed_rank_stops_the_gang_and_a_user_error_is_final() -> None:
    stopping, effects = play(queued(), Leased(leases(1, 2)), TaskFinished(2, failed()))
    assert stopping.status is JobStatus.RUNNING
    assert [effect.lease.token for effect in effects if isinstance(effect, StopTask)] == [1]
    assert [effect.lease.token for effect in effects if isinstance(effect, ReleaseLease)] == [2]
    state, _ = play(stopping, TaskFinished(1, STOPPED))
    assert state.status is JobStatus.FAILED
    assert state.error == Failure(FailureClass.USER_ERROR, "user_error happened")
    assert state.reason == "user_error happened"


def test_a_killed_rank_explains_the_exceptions_of_its_peers() -> None:
    state, _ = play(
        queued(),
        Leased(leases(1, 2)),
        TaskFinished(1, failed(FailureClass.USER_ERROR)),
        TaskFinished(2, failed(FailureClass.KILLED)),
    )
    assert state.status is JobStatus.QUEUED, (
        "the gang is tried again, though the first report was an exception"
    )
    assert state.failures == 1


def test_a_killed_task_is_tried_again_later_and_in_the_end_it_fails() -> None:
    state = queued(retries=2)
    for number in (1, 2):
        state, effects = play(
            state, Leased(leases(number)), TaskFinished(number, failed(FailureClass.KILLED))
        )
        assert state.status is JobStatus.QUEUED
        assert state.not_before is not None
        assert state.not_before > NOW
        assert "job.requeued" in kinds(effects)
    state, _ = play(state, Leased(leases(3)), TaskFinished(3, failed(FailureClass.KILLED)))
    assert state.status is JobStatus.FAILED
    assert state.attempt == 3


def test_a_platform_that_was_stopped_costs_no_retry() -> None:
    state = queued(retries=0)
    interrupted = Outcome(TaskStatus.LOST, Failure(FailureClass.INTERRUPTED, "the platform was stopped"))
    for number in (1, 2):
        state, _ = play(state, Leased(leases(number)), TaskFinished(number, interrupted))
        assert state.status is JobStatus.QUEUED
        assert state.failures == 0
        assert state.not_before == NOW


def test_waits_grow_to_a_limit_and_differ_between_jobs() -> None:
    waits = [machine.backoff_s("j-1", failures) for failures in range(1, 30)]
    assert waits[0] >= machine.BACKOFF_FIRST_S
    assert max(waits) <= machine.BACKOFF_MOST_S * 1.5
    assert machine.backoff_s("j-1", 5) != machine.backoff_s("j-2", 5)


def test_a_lost_worker_loses_its_tasks_only() -> None:
    stopping, effects = play(queued(), Leased(leases(1, 2)), WorkerLost("w1"))
    assert [task.status for task in stopping.tasks] == [TaskStatus.LOST, TaskStatus.LEASED]
    assert [effect.lease.token for effect in effects if isinstance(effect, StopTask)] == [2]
    state, _ = play(stopping, TaskFinished(2, STOPPED))
    assert state.status is JobStatus.QUEUED
    assert "w1 stopped answering" in str(state.reason)


def test_a_whole_gang_can_be_lost_at_once() -> None:
    state, _ = play(queued(), Leased(leases(1, 3)), WorkerLost("w1"))
    assert state.status is JobStatus.QUEUED


def test_a_task_that_somebody_else_told_to_end_is_tried_again_for_nothing() -> None:
    state, _ = play(queued(retries=0), Leased(leases(1)), TaskFinished(1, Outcome(TaskStatus.STOPPED)))
    assert state.status is JobStatus.QUEUED
    assert (state.failures, state.not_before) == (0, NOW)
    assert "not by the platform" in str(state.reason)


def test_an_end_without_a_reason_is_a_defect_and_is_tried_again() -> None:
    state, _ = play(queued(), Leased(leases(1)), TaskFinished(1, Outcome(TaskStatus.FAILED)))
    assert state.status is JobStatus.QUEUED
    assert "without a reason" in str(state.reason)


def hows(effects: list[Effect]) -> list[How]:
    return [effect.how for effect in effects if isinstance(effect, StopTask)]


def saved(step: int, saved_step: int) -> Outcome:
    return Outcome(TaskStatus.STOPPED, STOPPED.failure, {"step": step, "saved_step": saved_step})


def test_what_the_fleet_loses_is_not_charged_to_the_job() -> None:
    state = queued(retries=0)
    for number in range(1, machine.MOST_LOSSES + 1):
        state, _ = play(state, Leased(leases(number)), TaskFinished(number, failed(FailureClass.LOST_WORKER)))
        assert state.status is JobStatus.QUEUED
        assert (state.failures, state.losses) == (0, number)
        assert state.not_before is not None
        assert state.not_before > NOW
    state, _ = play(state, Leased(leases(99)), TaskFinished(99, failed(FailureClass.LOST_WORKER)))
    assert state.status is JobStatus.FAILED, "a fleet that is broken for good does not try for ever"


def test_preempted_ranks_save_and_the_job_waits_again_at_once() -> None:
    stopping, effects = play(queued(retries=0), Leased(leases(1, 2)), Preempted("j-9 needs the workers"))
    assert hows(effects) == [How.SAVE, How.SAVE]
    assert kinds(effects) == ["job.preempted"]
    assert decide(stopping, Preempted("again"), NOW) == (stopping, ())
    state, effects = play(stopping, TaskFinished(1, saved(12, 11)), TaskFinished(2, saved(12, 11)))
    assert state.status is JobStatus.QUEUED
    assert (state.failures, state.steps_lost, state.not_before) == (0, 1, NOW)
    requeued = next(
        effect for effect in effects if isinstance(effect, Record) and effect.kind == "job.requeued"
    )
    assert requeued.data["steps_lost"] == 1
    assert requeued.data["class"] == "preempted"


def test_a_rank_that_dies_while_the_gang_saves_ends_the_gang_at_once() -> None:
    saving, _ = play(queued(), Leased(leases(1, 2)), Preempted("a drain"))
    stopping, effects = play(saving, TaskFinished(2, failed(FailureClass.KILLED)))
    assert hows(effects) == [How.KILL]
    state, _ = play(stopping, TaskFinished(1, STOPPED))
    assert state.status is JobStatus.QUEUED
    assert state.failures == 0, "it was being preempted"


def test_a_rank_that_has_saved_lets_its_peers_finish_saving() -> None:
    saving, _ = play(queued(), Leased(leases(1, 2)), Preempted("a drain"))
    _, effects = play(saving, TaskFinished(2, saved(3, 3)))
    assert hows(effects) == []


def test_a_pause_during_a_preemption_rests_the_job() -> None:
    saving, _ = play(queued(), Leased(leases(1)), Preempted("a drain"), PauseRequested())
    state, _ = play(saving, TaskFinished(1, saved(3, 3)))
    assert state.status is JobStatus.PAUSED
    assert state.reason == "paused on request"


def test_steps_that_nobody_told_of_are_not_counted() -> None:
    saving, _ = play(queued(), Leased(leases(1)), Preempted("a drain"))
    state, effects = play(saving, TaskFinished(1, STOPPED))
    assert state.steps_lost == 0
    assert all("steps_lost" not in effect.data for effect in effects if isinstance(effect, Record))


def test_a_hang_is_killed_told_and_counted() -> None:
    hang = Failure(FailureClass.HANG, "rank 1 waits at train.py:3", evidence={"culprit": 1})
    running, _ = play(queued(retries=1), Leased(leases(1)))
    stopping, effects = play(running, HangFound(1, hang))
    assert hows(effects) == [How.KILL]
    assert kinds(effects) == ["hang.found"]
    assert any(isinstance(e, Record) and e.data.get("evidence") == {"culprit": 1} for e in effects)
    assert decide(stopping, HangFound(1, hang), NOW) == (stopping, ())
    state, after = play(stopping, TaskFinished(1, STOPPED))
    assert (state.status, state.failures) == (JobStatus.QUEUED, 1)
    assert all("evidence" not in e.data for e in after if isinstance(e, Record)), "it is told once"

    assert decide(running, HangFound(2, hang), NOW) == (running, ()), "a verdict on another attempt"
    final, _ = play(running, HangFound(1, hang, restart=False), TaskFinished(1, STOPPED))
    assert final.status is JobStatus.FAILED
    assert final.error == hang


def test_batches_are_halved_when_memory_runs_out_as_long_as_that_is_possible() -> None:
    state = queued(retries=0, most_accumulation=4)
    for number, expected in ((1, 2), (2, 4)):
        full = Failure(FailureClass.OUT_OF_MEMORY, "full", evidence={"where": "host"})
        state, effects = play(
            state, Leased(leases(number)), TaskFinished(number, Outcome(TaskStatus.FAILED, full))
        )
        assert (state.status, state.accumulation) == (JobStatus.QUEUED, expected)
        told = next(e.data for e in effects if isinstance(e, Record) and e.kind == "job.requeued")
        assert (told["accumulation"], told["evidence"]) == (expected, {"where": "host"})
    state, _ = play(state, Leased(leases(3)), TaskFinished(3, failed(FailureClass.OUT_OF_MEMORY)))
    assert state.status is JobStatus.FAILED
    own_code, _ = play(queued(), Leased(leases(1)), TaskFinished(1, failed(FailureClass.OUT_OF_MEMORY)))
    assert own_code.status is JobStatus.FAILED, "own code is not changed behind its author's back"


def test_a_full_disk_pauses_the_job_and_says_where() -> None:
    running, _ = play(queued(), Leased(leases(1)))
    saving, effects = play(running, DiskLow("w1", 200 * 1024**2))
    assert hows(effects) == [How.SAVE]
    assert decide(saving, DiskLow("w1", 1), NOW) == (saving, ())
    state, _ = play(saving, TaskFinished(1, saved(3, 3)))
    assert state.status is JobStatus.PAUSED
    assert "w1 has only 200 MiB of disk left" in str(state.reason)


def test_cancel_of_a_waiting_job_is_immediate() -> None:
    state, effects = play(queued(), CancelRequested())
    assert state.status is JobStatus.CANCELLED
    assert kinds(effects) == ["job.cancelled"]


def test_cancel_of_a_running_job_waits_for_its_tasks() -> None:
    stopping, effects = play(queued(), Leased(leases(1, 2)), CancelRequested())
    assert stopping.status is JobStatus.RUNNING
    assert stopping.cancel_requested
    assert len(effects) == 2
    assert decide(stopping, CancelRequested(), NOW) == (stopping, ()), "asking twice is asking once"
    state, _ = play(stopping, TaskFinished(1, STOPPED), TaskFinished(2, STOPPED))
    assert state.status is JobStatus.CANCELLED
    assert state.error is None


def test_a_job_that_succeeds_before_its_cancel_arrives_has_succeeded() -> None:
    state, _ = play(queued(), Leased(leases(1)), CancelRequested(), TaskFinished(1, DONE))
    assert state.status is JobStatus.COMPLETED


def test_pause_and_resume() -> None:
    paused, _ = play(queued(), PauseRequested())
    assert paused.status is JobStatus.PAUSED
    assert play(paused, ResumeRequested())[0].status is JobStatus.QUEUED
    assert play(paused, CancelRequested())[0].status is JobStatus.CANCELLED

    stopping, _ = play(queued(), Leased(leases(1)), PauseRequested())
    assert decide(stopping, PauseRequested(), NOW) == (stopping, ())
    rested, _ = play(stopping, TaskFinished(1, STOPPED))
    assert rested.status is JobStatus.PAUSED
    assert rested.failures == 0
    taken_back, _ = play(stopping, ResumeRequested(), TaskFinished(1, STOPPED))
    assert taken_back.status is JobStatus.QUEUED


def test_a_timeout_fails_the_job_and_is_counted_once() -> None:
    stopping, effects = play(queued(), Leased(leases(1)), TimedOut(60))
    assert len(effects) == 1
    assert decide(stopping, TimedOut(60), NOW) == (stopping, ())
    state, _ = play(stopping, TaskFinished(1, STOPPED))
    assert state.status is JobStatus.FAILED
    assert state.error is not None
    assert state.error.cls is FailureClass.TIMEOUT
    assert "60 s" in state.error.message


def test_retry_starts_afresh() -> None:
    broken, _ = play(queued(), Leased(leases(1)), TaskFinished(1, failed()))
    state, _ = play(broken, RetryRequested())
    assert state.status is JobStatus.QUEUED
    assert (state.failures, state.error, state.finished_at, state.attempt) == (0, None, None, 1)
    cancelled, _ = play(queued(), CancelRequested())
    assert not play(cancelled, RetryRequested())[0].cancel_requested


def test_what_the_table_does_not_have_is_refused_with_a_sentence() -> None:
    done, _ = play(queued(), Leased(leases(1)), TaskFinished(1, DONE))
    with pytest.raises(IllegalTransition, match="job j-1 is completed; 'pause' is not possible then"):
        decide(done, PauseRequested(), NOW)


def test_the_documented_table_is_the_real_one() -> None:
    page = (Path(__file__).parents[3] / "docs" / "lifecycle.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, re.MULTILINE))
    assert rows == {(status.value, event.__name__) for status, event in machine.TABLE}


TOKENS = st.integers(1, 8)
OUTCOMES = st.one_of(st.just(DONE), st.just(STOPPED), st.sampled_from(list(FailureClass)).map(failed))
EVENTS = st.one_of(
    st.integers(1, 3).map(lambda size: ("lease", size)),
    TOKENS.map(TaskStarted),
    st.builds(TaskFinished, TOKENS, OUTCOMES),
    st.sampled_from(["w0", "w1"]).map(WorkerLost),
    st.sampled_from(
        [
            CancelRequested(),
            PauseRequested(),
            ResumeRequested(),
            RetryRequested(),
            TimedOut(1.0),
            Preempted("room"),
            DiskLow("w0", 1),
            HangFound(1, Failure(FailureClass.HANG, "stuck")),
            HangFound(2, Failure(FailureClass.HANG, "stuck"), restart=False),
        ]
    ),
)


@given(st.lists(EVENTS, max_size=40), st.integers(0, 3))
@settings(max_examples=400, deadline=None)
def test_no_history_breaks_the_invariants(history: list[object], retries: int) -> None:
    state = queued(retries=retries, most_accumulation=4)
    granted: set[int] = set()
    released: list[int] = []
    ends = 0
    now = NOW
    for step in history:
        event = step
        if isinstance(step, tuple):
            fresh = range(len(granted) + 1, len(granted) + 1 + step[1])
            event = Leased(leases(*fresh))
        try:
            after, effects = decide(state, event, now)
        except IllegalTransition:
            continue
        if isinstance(event, Leased):
            granted |= {lease.token for lease in event.leases}
        check_invariants(after)
        assert decide(state, event, now) == (after, effects), "the same question has the same answer"
        released += [effect.lease.token for effect in effects if isinstance(effect, ReleaseLease)]
        ends += sum(
            isinstance(effect, Record) and effect.kind in ("job.completed", "job.failed", "job.cancelled")
            for effect in effects
        )
        if isinstance(event, RetryRequested):
            ends -= 1
        assert ends == int(after.status.ended), "there is one end, and it is recorded once"
        now += timedelta(seconds=1)
        state = after
    assert len(released) == len(set(released)), "a lease is given back once"
    live = {task.lease.token for task in state.live_tasks}
    assert set(released) | live == granted, "no lease is forgotten"
