"""The scheduler's picture in memory is the one that the database would give, whatever happened."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from tests.contracts.test_job_store import DONE, NOW, SPEC, new_job

from tensorfleet.adapters.database import Database
from tensorfleet.errors import IllegalTransition
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.snapshot import take_snapshot
from tensorfleet.jobs.events import (
    CancelRequested,
    JobEvent,
    PauseRequested,
    Preempted,
    ResumeRequested,
    TaskFinished,
    TaskStarted,
    WorkerLost,
)
from tensorfleet.jobs.model import Failure, FailureClass, Outcome, TaskStatus
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.orchestrator.board import REST_MOST_S, Board
from tensorfleet.orchestrator.handlers import apply_event
from tensorfleet.orchestrator.placing import place_waiting
from tensorfleet.scheduling.model import Policy, Snapshot

KILLED = Outcome(TaskStatus.FAILED, Failure(FailureClass.KILLED, "killed"))
STOPPED = Outcome(TaskStatus.STOPPED, Failure(FailureClass.CANCELLED, "stopped"))


def a_worker(name: str, slots: int) -> Worker:
    ports = list(range(7000, 7000 + 4 * slots))
    resources = {"cpus": slots, "memory_bytes": 8 * 1024**3, "gpus": [], "host": name, "ports": ports}
    return Worker(name, name, WorkerState.ONLINE, slots, resources, {}, NOW, NOW)


def submit(store: SqlJobStore, number: int, dice: random.Random) -> None:
    workers = dice.choice([1, 1, 1, 2, 3])
    resources = {**SPEC["resources"], "workers": workers, "min_workers": dice.choice([None, 1])}  # type: ignore[dict-item]
    spec = {**SPEC, "resources": resources, "timeout": dice.choice([None, 3600.0])}
    store.insert(new_job(f"j-{number}", spec=spec, priority=dice.choice([0, 1, 2]), workers=workers))


def happen(dice: random.Random, tokens: list[int]) -> JobEvent:
    token = dice.choice(tokens) if tokens else 0
    return dice.choice(
        [
            TaskStarted(token), TaskFinished(token, DONE), TaskFinished(token, KILLED), TaskFinished(token, STOPPED),
            CancelRequested(), PauseRequested(), ResumeRequested(), Preempted("room"), WorkerLost("w-1"),
        ]
    )  # fmt: skip


def as_sets(snapshot: Snapshot) -> tuple[set[object], set[object], set[object]]:
    return set(snapshot.queue), set(snapshot.running), set(snapshot.workers)


@pytest.mark.parametrize("seed", range(4))
def test_the_board_is_the_database(database: Database, seed: int) -> None:
    dice = random.Random(seed)
    store = SqlJobStore(database)
    board = Board(Policy.RESOURCE_FIT, {})
    for worker in (a_worker("w-1", 3), a_worker("w-2", 2)):
        board.know_worker(worker)
    started = 0
    for number in range(60):
        now = NOW + timedelta(seconds=number)
        if dice.random() < 0.5:
            submit(store, number, dice)
        with store.orchestrate() as tx:
            board.refresh(tx, now)
            leases = tx.live_leases()
            jobs = [job.id for job in tx.queue(100)] + [lease.job_id for lease in leases]
            for job_id in dice.sample(jobs, min(2, len(jobs))):
                event = happen(dice, [lease.token for lease in leases if lease.job_id == job_id])
                try:
                    apply_event(tx, job_id, event, now)
                except IllegalTransition:
                    continue
            board.follow(tx.touched, now)
            board.looked(took_s=0.0)
            board.know_worker(dice.choice(list(board.workers.values())))
            started += place_waiting(tx, board, now)
        with store.orchestrate() as tx:
            fresh = take_snapshot(now, tx.queue(100), board.workers.values(), tx.live_leases())
            rendezvous = {lease.rendezvous for lease in tx.live_leases()}
        assert as_sets(board.snapshot(now)) == as_sets(fresh)
        assert board.rendezvous == rendezvous
    assert started > 10


def test_after_a_failed_transaction_it_is_read_anew(database: Database) -> None:
    store = SqlJobStore(database)
    board = Board(Policy.RESOURCE_FIT, {})
    board.know_worker(a_worker("w-1", 1))
    store.insert(new_job())

    def break_off() -> None:
        with store.orchestrate() as tx:
            board.refresh(tx, NOW)
            assert place_waiting(tx, board, NOW) == 1
            raise RuntimeError("the connection broke before the commit")

    with pytest.raises(RuntimeError):
        break_off()
    board.forget()
    with store.orchestrate() as tx:
        board.refresh(tx, NOW)
        assert place_waiting(tx, board, NOW) == 1, "what was rolled back is placed again"


def test_nobody_is_asked_again_when_nothing_has_changed(database: Database) -> None:
    store = SqlJobStore(database)
    board = Board(Policy.RESOURCE_FIT, {})
    store.insert(new_job())
    with store.orchestrate() as tx:
        board.refresh(tx, NOW)
        assert (board.due(), board.due_in_s()) == (True, 0.0)
        board.looked(took_s=0.0)
        board.refresh(tx, NOW)
        assert (board.due(), board.due_in_s()) == (False, None)
    store.insert(new_job("j-2"))
    with store.orchestrate() as tx:
        board.refresh(tx, NOW)
        assert board.due()


def test_a_scheduler_that_takes_long_leaves_time_for_other_work(database: Database) -> None:
    store = SqlJobStore(database)
    board = Board(Policy.RESOURCE_FIT, {})
    board.looked(took_s=60.0)
    store.insert(new_job())
    with store.orchestrate() as tx:
        board.refresh(tx, NOW)
    assert not board.due()
    wait_s = board.due_in_s()
    assert wait_s is not None
    assert 0 < wait_s <= REST_MOST_S


def test_only_running_jobs_with_a_timeout_can_be_overdue(database: Database) -> None:
    store = SqlJobStore(database)
    board = Board(Policy.RESOURCE_FIT, {})
    board.know_worker(a_worker("w-1", 2))
    for job_id, timeout in (("j-1", 30.0), ("j-2", None), ("j-3", 30.0)):
        store.insert(new_job(job_id, spec={**SPEC, "timeout": timeout}))
    with store.orchestrate() as tx:
        board.refresh(tx, NOW)
        place_waiting(tx, board, NOW)
    assert board.overdue(NOW + timedelta(seconds=30)) == []
    assert board.overdue(NOW + timedelta(seconds=31)) == [("j-1", 30.0)]
    read_anew = Board(Policy.RESOURCE_FIT, {})
    with store.orchestrate() as tx:
        read_anew.refresh(tx, NOW)
    assert read_anew.overdue(NOW + timedelta(seconds=31)) == [("j-1", 30.0)]


def test_a_back_off_from_before_the_clock_was_set_back_does_not_last(database: Database) -> None:
    store = SqlJobStore(database)
    store.insert(new_job())
    board = Board(Policy.RESOURCE_FIT, {})
    board.know_worker(a_worker("w-1", 1))
    with store.orchestrate() as tx:
        board.refresh(tx, NOW)
        place_waiting(tx, board, NOW)
        (lease,) = tx.live_leases()
        apply_event(tx, "j-1", TaskFinished(lease.token, KILLED), NOW)
    hour_ago, read_anew = NOW - timedelta(hours=1), Board(Policy.RESOURCE_FIT, {})
    with store.orchestrate() as tx:
        read_anew.refresh(tx, hour_ago)
    assert [job.not_before for job in read_anew.snapshot(hour_ago).queue] == [None]
    recent = Board(Policy.RESOURCE_FIT, {})
    with store.orchestrate() as tx:
        recent.refresh(tx, NOW)
    assert recent.snapshot(NOW).queue[0].not_before is not None
