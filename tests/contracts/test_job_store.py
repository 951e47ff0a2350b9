"""What every store of jobs and workers must do, run on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import func, or_, select, update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import attempts, cursors, events, jobs, leases, outbox, tasks
from tensorfleet.errors import Conflict, InvalidInput, NotFound
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import (
    CancelRequested,
    JobEvent,
    Leased,
    Record,
    RetryRequested,
    TaskFinished,
    TaskStarted,
)
from tensorfleet.jobs.machine import decide
from tensorfleet.jobs.memory import JobMemory
from tensorfleet.jobs.model import Failure, FailureClass, JobStatus, Lease, NewEvent, Outcome, TaskStatus
from tensorfleet.jobs.ports import JobFilter, NewJob
from tensorfleet.jobs.store import SqlJobStore

NOW = datetime(2026, 3, 4, 5, 6, 7, 123457, tzinfo=UTC)
DONE = Outcome(TaskStatus.SUCCEEDED, result={"metrics": {"accuracy": 0.75}, "model": {"prefix": "models/x"}})
SPEC = {
    "name": "forest",
    "model_name": "wine",
    "timeout": None,
    "retries": 3,
    "resources": {"workers": 1, "cpus": 1.0, "gpus": 0.0, "memory": 0},
}


@pytest.fixture
def store(database: Database) -> SqlJobStore:
    return SqlJobStore(database)


@pytest.fixture
def log(database: Database) -> SqlEventLog:
    return SqlEventLog(database)


@pytest.fixture
def fleet(database: Database) -> SqlWorkerStore:
    return SqlWorkerStore(database)


def new_job(job_id: str = "j-1", **changes: Any) -> NewJob:
    job = NewJob(
        id=job_id,
        name="forest",
        workspace="default",
        kind="train",
        priority=1,
        workers=1,
        spec=SPEC,
        inputs={},
        created_at=NOW,
    )
    return replace(job, **changes)


def apply(store: SqlJobStore, job_id: str, *happened: JobEvent, now: datetime = NOW) -> None:
    """Each event in a transaction of its own, as the orchestrator does it."""
    for event in happened:
        with store.orchestrate() as tx:
            before = tx.load(job_id)
            after, effects = decide(before, event, now)
            tx.save(before, after, effects, now)


def start(store: SqlJobStore, job_id: str = "j-1", workers: tuple[str, ...] = ("w-1",)) -> tuple[Lease, ...]:
    """Leases the job to workers; its tasks have not started yet."""
    with store.orchestrate() as tx:
        granted = tx.grant(job_id, workers, "127.0.0.1:7000", NOW)
        before = tx.load(job_id)
        after, effects = decide(before, Leased(granted), NOW)
        tx.save(before, after, effects, NOW)
    return granted


def run_to_end(store: SqlJobStore, job_id: str = "j-1") -> None:
    (lease,) = start(store, job_id)
    apply(store, job_id, TaskStarted(lease.token), TaskFinished(lease.token, DONE))


def kinds(log: SqlEventLog, job_id: str = "j-1") -> list[str]:
    return [event.kind for event in log.read_after(0, job_id=job_id)]


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Runs `work` in several threads that begin together; their results."""
    together = threading.Barrier(count)

    def run(number: int) -> Any:
        together.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def log_piece(text: str, job_id: str = "j-1") -> list[NewEvent]:
    return [NewEvent("log", NOW, {"attempt": 1, "rank": 0, "offset": 0, "text": text}, job_id)]


# ---- submission ------------------------------------------------------------------------------------------------------


def test_a_job_comes_back_as_it_was_submitted(store: SqlJobStore, log: SqlEventLog) -> None:
    job = new_job(name="Wälder 🌲", inputs={"dataset": {"name": "wine", "rows": 2**40}})
    record, created = store.insert(job)
    assert created
    assert record == store.get("j-1")
    assert (record.name, record.status, record.created_at) == (job.name, JobStatus.QUEUED, NOW)
    assert (record.spec, record.inputs, record.model_name) == (SPEC, job.inputs, "wine")
    (event,) = log.read_after(0)
    assert (event.kind, event.job_id, event.at) == ("job.submitted", "j-1", NOW)
    assert event.data == {"name": job.name, "kind": "train", "workers": 1}


def test_a_job_that_is_not_there_is_named(store: SqlJobStore) -> None:
    with pytest.raises(NotFound, match="no job 'j-404'"):
        store.get("j-404")
    with store.orchestrate() as tx, pytest.raises(NotFound, match="no job 'j-404'"):
        tx.load("j-404")
    with pytest.raises(NotFound, match="no job 'j-404'"):
        store.delete("j-404")


def test_the_same_key_gives_the_same_job(store: SqlJobStore, log: SqlEventLog) -> None:
    first, _ = store.insert(new_job(idempotency_key="k"))
    again, created = store.insert(new_job("j-2", idempotency_key="k"))
    assert (again, created) == (first, False)
    assert len(log.read_after(0)) == 1
    with pytest.raises(Conflict, match=r"'k' was used for another job \(j-1\)"):
        store.insert(new_job("j-3", idempotency_key="k", spec={**SPEC, "name": "other"}))
    theirs, created = store.insert(new_job("j-4", idempotency_key="k", workspace="theirs"))
    assert (theirs.id, created) == ("j-4", True)
    assert store.insert(new_job("j-5"))[1]
    assert store.insert(new_job("j-6"))[1], "without a key every submission is a job"


def test_submissions_with_one_key_at_the_same_time_are_one_job(store: SqlJobStore, log: SqlEventLog) -> None:
    found = at_once(6, lambda n: store.insert(new_job(f"j-{n}", idempotency_key="k")))
    assert len({record.id for record, _ in found}) == 1
    assert sum(created for _, created in found) == 1
    assert len(log.read_after(0)) == 1


# ---- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["created_at", "name", "status", "priority"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_show_every_job_once_over_ties(store: SqlJobStore, field: str, sign: str) -> None:
    for number in range(9):
        instant = NOW + timedelta(microseconds=number % 3)
        job = new_job(f"j-{number}", name="abc"[number % 3], priority=number % 2, created_at=instant)
        store.insert(job)
    start(store, "j-4")
    seen = []
    cursor = None
    while True:
        page, cursor = store.page(JobFilter(), 2, cursor, sign + field)
        seen += page
        if not seen[4:]:
            store.insert(new_job(f"j-late-{len(seen)}", name="a", priority=0, created_at=NOW))
        if cursor is None:
            break
    keys = [(getattr(record, field), record.id) for record in seen]
    assert keys == sorted(keys, reverse=bool(sign))
    assert {f"j-{number}" for number in range(9)} <= {record.id for record in seen}


def test_several_jobs_are_asked_at_once(store: SqlJobStore, log: SqlEventLog) -> None:
    for number in range(3):
        store.insert(new_job(f"j-{number}"))
    assert store.get_many(["j-0", "j-2", "j-404"]).keys() == {"j-0", "j-2"}
    store.request_many("cancel", {"j-0": "orchestrator", "j-2": "tuner"}, NOW)
    assert kinds(log, "j-2") == ["job.submitted", "job.cancel_requested"]
    assert kinds(log, "j-1") == ["job.submitted"]
    with store.orchestrate() as tx:
        assert [(one.kind, one.ref) for one in tx.open_commands("orchestrator")] == [("cancel", "j-0")]
        assert [(one.kind, one.ref) for one in tx.open_commands("tuner")] == [("cancel", "j-2")]


def test_jobs_that_have_not_ended(store: SqlJobStore) -> None:
    for number in range(3):
        store.insert(new_job(f"j-{number}"))
    run_to_end(store, "j-1")
    for ended, expected in ((False, ["j-0", "j-2"]), (True, ["j-1"]), (None, ["j-0", "j-1", "j-2"])):
        found, _ = store.page(JobFilter(ended=ended), 10, None, "name")
        assert [job.id for job in found] == expected


def test_filters_hold_together(store: SqlJobStore) -> None:
    store.insert(new_job("j-1", name="a"))
    store.insert(new_job("j-2", name="a", kind="tune"))
    store.insert(new_job("j-3", name="b", workspace="theirs"))
    start(store, "j-1")

    def ids(**filters: Any) -> list[str]:
        return [record.id for record in store.page(JobFilter(**filters), 10, None, "created_at")[0]]

    assert ids() == ["j-1", "j-2", "j-3"]
    assert ids(name="a") == ["j-1", "j-2"]
    assert ids(name="a", kind="tune") == ["j-2"]
    assert ids(status=("running",)) == ["j-1"]
    assert ids(status=("running", "queued"), name="a") == ["j-1", "j-2"]
    assert ids(workspace="theirs") == ["j-3"]
    assert ids(status=("no such status",)) == []
    assert store.counts() == {"queued": 2, "running": 1}


def cursor_of(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("created_at", "nonsense"),
        ("created_at", "ü"),
        ("created_at", cursor_of("created_at")),
        ("created_at", cursor_of("name", "forest", "j-1")),
        ("created_at", cursor_of("created_at", "yesterday", "j-1")),
        ("created_at", cursor_of("created_at", "0001-01-01T00:00:00+23:59", "j-1")),
        ("created_at", cursor_of("created_at", 7, "j-1")),
        ("priority", cursor_of("priority", "high", "j-1")),
        ("priority", cursor_of("priority", True, "j-1")),
        ("priority", cursor_of("priority", 10**30, "j-1")),
        ("name", cursor_of("name", ["a"], "j-1")),
        ("name", cursor_of("name", "a", {})),
        ("name", cursor_of("name", "\ud800", "j-1")),
        ("name", base64.urlsafe_b64encode(b"[" * 100_000).decode()),
    ],
    ids=range(14),
)
def test_a_hostile_cursor_is_bad_input(store: SqlJobStore, sort: str, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        store.page(JobFilter(), 5, cursor, sort)


@pytest.mark.parametrize("sort", ["", "-", "spec", "--name", "name; drop table jobs"])
def test_a_sort_that_is_not_there_is_bad_input(store: SqlJobStore, sort: str) -> None:
    with pytest.raises(InvalidInput, match="not a field to sort by; use one of created_at"):
        store.page(JobFilter(), 5, None, sort)


@pytest.mark.parametrize("hostile", ["a\0b", "\ud800", "' OR 1=1 --"], ids=["nul", "half", "sql"])
def test_hostile_names_find_nothing_or_are_refused(store: SqlJobStore, hostile: str) -> None:
    store.insert(new_job())
    for look in (
        lambda: store.get(hostile),
        lambda: store.page(JobFilter(name=hostile), 5, None, "name")[0] and pytest.fail("found one"),
        lambda: store.delete(hostile),
    ):
        try:
            look()
        except (NotFound, InvalidInput):
            continue


# ---- the life of a job -----------------------------------------------------------------------------------------------


def test_the_whole_story_of_a_gang(store: SqlJobStore, log: SqlEventLog, fleet: SqlWorkerStore) -> None:
    store.insert(new_job(workers=2))
    first, second = start(store, workers=("w-1", "w-2"))
    assert first.token < second.token
    with store.orchestrate() as tx:
        assert [order.kind for order in tx.open_commands("agent:w-1")] == ["start"]
        assert tx.payload("j-1")["workers"] == ["w-1", "w-2"]
        assert [lease.task_status for lease in tx.live_leases()] == ["leased", "leased"]
        assert [lease.token for lease in tx.live_leases("w-2")] == [second.token]
        assert (tx.job_of_lease(first.token), tx.worker_of_lease(first.token)) == ("j-1", "w-1")
        assert tx.queue(10) == []
    assert fleet.running()["w-2"] == [{"job_id": "j-1", "rank": 1, "attempt": 1, "status": "leased"}]
    later = NOW + timedelta(seconds=5)
    apply(store, "j-1", TaskStarted(first.token), TaskStarted(second.token))
    apply(store, "j-1", TaskFinished(second.token, DONE), TaskFinished(first.token, DONE), now=later)
    record = store.get("j-1")
    assert (record.status, record.attempt, record.progress) == (JobStatus.COMPLETED, 1, 1.0)
    assert (record.started_at, record.finished_at) == (NOW, later)
    assert (record.result, record.metrics) == (DONE.result, {"accuracy": 0.75})
    assert [(task["rank"], task["status"]) for task in store.tasks("j-1")] == [
        (0, "succeeded"),
        (1, "succeeded"),
    ]
    (attempt,) = store.attempts("j-1")
    assert (attempt["number"], attempt["workers"], attempt["outcome"]) == (1, 2, "completed")
    assert kinds(log) == [
        "job.submitted",
        "job.started",
        "task.started",
        "task.started",
        "task.finished",
        "task.finished",
        "job.completed",
    ]
    with store.orchestrate() as tx:
        assert tx.live_leases() == []
        assert tx.open_commands("agent:w-1") == tx.open_commands("agent:w-2") == []
        assert not tx.in_force("w-1", first.token)


def test_a_cancelled_gang_is_told_to_stop(store: SqlJobStore) -> None:
    store.insert(new_job(workers=2))
    leases_ = start(store, workers=("w-1", "w-1"))
    apply(store, "j-1", CancelRequested())
    with store.orchestrate() as tx:
        stops = [order for order in tx.open_commands("agent:w-1") if order.kind == "stop"]
        assert [order.ref for order in stops] == [str(lease.token) for lease in leases_]
        state = tx.load("j-1")
        assert state.cancel_requested
        assert state.stop == Failure(FailureClass.CANCELLED, "cancelled on request")


def test_a_failed_attempt_and_its_retry(store: SqlJobStore) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    failure = Failure(FailureClass.USER_ERROR, "no such column", "Traceback ...")
    apply(store, "j-1", TaskFinished(lease.token, Outcome(TaskStatus.FAILED, failure)))
    record = store.get("j-1")
    assert (record.status, record.reason) == (JobStatus.FAILED, "no such column")
    assert record.error == failure.to_dict()
    apply(store, "j-1", RetryRequested())
    record = store.get("j-1")
    assert (record.status, record.error, record.finished_at) == (JobStatus.QUEUED, None, None)
    (again,) = start(store)
    assert again.token > lease.token
    assert [attempt["outcome"] for attempt in store.attempts("j-1")] == ["failed", None]


def test_a_failure_in_the_middle_leaves_nothing(store: SqlJobStore, database: Database) -> None:
    store.insert(new_job())

    def rows() -> list[int]:
        tables = (jobs, attempts, tasks, leases, events, outbox)
        with database.read() as connection:
            return [
                connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
            ]

    before = rows()

    def break_off() -> None:
        with store.orchestrate() as tx:
            state = tx.load("j-1")
            after, effects = decide(state, Leased(tx.grant("j-1", ("w-1",), None, NOW)), NOW)
            tx.save(state, after, effects, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert rows() == before
    assert store.get("j-1").status is JobStatus.QUEUED


def remembered(store: SqlJobStore) -> JobMemory:
    """What an orchestrator remembers of the running job j-1."""
    memory = JobMemory()
    with store.orchestrate(memory) as tx:
        tx.load("j-1")
    return memory


def test_a_state_that_another_orchestrator_changed_is_refused_and_nothing_is_written(
    store: SqlJobStore, log: SqlEventLog
) -> None:
    store.insert(new_job())
    start(store)
    memory = remembered(store)
    apply(store, "j-1", CancelRequested())

    def save_mine() -> None:
        with store.orchestrate(memory) as tx:
            old = tx.load("j-1")
            tx.save(old, replace(old, reason="mine"), (Record("job.mine", {}),), NOW)

    with pytest.raises(Conflict, match="changed by another orchestrator"):
        save_mine()
    assert store.get("j-1").reason is None
    assert "job.mine" not in kinds(log)


def test_a_state_that_was_decided_on_too_early_is_refused(store: SqlJobStore) -> None:
    store.insert(new_job())
    with store.orchestrate() as tx:
        early = tx.load("j-1")
        after, effects = decide(early, CancelRequested(), NOW)
        tx.save(early, after, effects, NOW)
        with pytest.raises(Conflict, match="changed since it was loaded"):
            tx.save(early, after, effects, NOW)


def test_a_second_outcome_under_a_lease_is_fenced_off(
    store: SqlJobStore, log: SqlEventLog, database: Database
) -> None:
    store.insert(new_job(workers=2))
    first, _ = start(store, workers=("w-1", "w-2"))
    memory = remembered(store)
    apply(store, "j-1", TaskFinished(first.token, DONE))
    with (
        database.begin() as connection
    ):  # the job's own guard is out of the way: the lease's has to hold alone
        connection.execute(update(jobs).values(revision=memory.jobs["j-1"].revision))

    def save_again() -> None:
        with store.orchestrate(memory) as tx:
            stale = tx.load("j-1")
            tx.save(stale, *decide(stale, TaskFinished(first.token, DONE), NOW), NOW)

    with pytest.raises(Conflict, match="not in force any more"):
        save_again()
    assert kinds(log).count("task.finished") == 1


def test_only_running_jobs_are_remembered(store: SqlJobStore) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    memory = remembered(store)
    assert (list(memory.jobs), list(memory.tasks)) == (["j-1"], [lease.token])
    with store.orchestrate(memory) as tx:
        before = tx.load("j-1")
        tx.save(before, *decide(before, TaskFinished(lease.token, DONE), NOW), NOW)
    assert (memory.jobs, memory.tasks) == ({}, {}), "others may delete it from now on"
    with store.orchestrate(memory) as tx:
        assert tx.take_over(lease.token, "log", 0, 3, log_piece("end")) == 3
    assert memory.tasks == {}


def test_an_outcome_of_an_earlier_lease_changes_nothing(store: SqlJobStore) -> None:
    store.insert(new_job())
    (old,) = start(store)
    lost = Outcome(TaskStatus.LOST, Failure(FailureClass.LOST_WORKER, "gone"))
    apply(store, "j-1", TaskFinished(old.token, lost))
    (new,) = start(store, workers=("w-2",))
    with store.orchestrate() as tx:
        assert not tx.in_force("w-1", old.token)
        assert not tx.in_force("w-1", new.token), "it is another worker's"
        assert tx.in_force("w-2", new.token)
    apply(store, "j-1", TaskFinished(old.token, DONE))
    assert store.get("j-1").status is JobStatus.RUNNING


def test_lease_tokens_are_never_used_again(store: SqlJobStore) -> None:
    tokens = []
    for number in range(3):
        store.insert(new_job(f"j-{number}"))
        run_to_end(store, f"j-{number}")
        with store.orchestrate() as tx:
            tokens += [lease.token for lease in tx.grant(f"j-{number}", ("w-1", "w-2"), None, NOW)]
        store.delete(f"j-{number}")
    assert tokens == sorted(set(tokens))
    assert len(tokens) == 6


# ---- what agents deliver ---------------------------------------------------------------------------------------------


def test_a_piece_is_taken_over_exactly_once(store: SqlJobStore, log: SqlEventLog) -> None:
    store.insert(new_job())
    (lease,) = start(store)

    def take(begin: int, end: int, text: str, stream: str = "log") -> int | None:
        with store.orchestrate() as tx:
            return tx.take_over(lease.token, stream, begin, end, log_piece(text))

    assert take(0, 5, "one\n") == 5
    assert take(0, 5, "one\n") == 5, "a duplicate"
    assert take(9, 12, "gap") == 5
    assert take(5, 7, "two") == 7
    assert take(0, 3, "record", "record") == 3, "the two streams count apart"
    with store.orchestrate() as tx:
        assert tx.take_over(lease.token + 99, "log", 0, 5, log_piece("foreign")) is None
        (held,) = tx.held_tasks("w-1", [lease.token, lease.token + 99])
        assert (held.token, held.log_offset, held.record_offset, held.over) == (lease.token, 7, 3, False)
        assert tx.held_tasks("w-2", [lease.token]) == []
        assert tx.held_tasks("w-1", []) == []
    assert [event.data["text"] for event in log.read_last("j-1", "log", 10)] == ["one\n", "two", "record"]


def test_pieces_go_on_where_they_stand_when_the_job_is_loaded_between_them(store: SqlJobStore) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    with store.orchestrate(JobMemory()) as tx:  # as after a change of the leader
        assert tx.take_over(lease.token, "log", 0, 5, log_piece("one"))
        assert tx.in_force("w-1", lease.token)
        assert tx.take_over(lease.token, "log", 5, 9, log_piece("two")) == 9


def test_the_log_of_a_task_that_is_over_is_still_taken(store: SqlJobStore) -> None:
    store.insert(new_job())
    run_to_end(store)
    token = store.tasks("j-1")[0]["lease"]
    with store.orchestrate() as tx:
        assert tx.take_over(token, "log", 0, 4, log_piece("last")) == 4
        assert tx.held_tasks("w-1", [token])[0].over
        assert tx.task_place(token) == ("j-1", 1, 0)


def test_duplicates_at_the_same_time_are_taken_once(store: SqlJobStore, log: SqlEventLog) -> None:
    store.insert(new_job())
    (lease,) = start(store)

    def take(_: int) -> int | None:
        with store.orchestrate() as tx:
            return tx.take_over(lease.token, "log", 0, 5, log_piece("hello"))

    assert at_once(4, take) == [5, 5, 5, 5]
    assert len(log.read_last("j-1", "log", 10)) == 1


def test_progress_and_metrics_belong_to_the_running_attempt(store: SqlJobStore) -> None:
    store.insert(new_job())
    start(store)
    with store.orchestrate() as tx:
        tx.update_progress("j-1", 1, 0.5, {"loss": 1.0})
        tx.update_progress("j-1", 1, None, {"accuracy": 0.1})
        tx.update_progress("j-1", 7, 0.9, {"loss": 0.0})
    record = store.get("j-1")
    assert (record.progress, record.metrics) == (0.5, {"loss": 1.0, "accuracy": 0.1})


def test_the_last_checkpoint_goes_to_the_next_attempt(store: SqlJobStore) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    data = [{"step": step, "key": f"c/{step}", "sha256": "ab", "bytes": 1, "attempt": 1} for step in (1, 2)]
    with store.orchestrate() as tx:
        assert tx.payload("j-1")["checkpoint"] is None
        tx.take_over(lease.token, "record", 0, 9, [NewEvent("checkpoint", NOW, item, "j-1") for item in data])
        newest = tx.last_checkpoint("j-1")
        assert newest is not None
        assert newest.data == data[1]
    killed = Outcome(TaskStatus.FAILED, Failure(FailureClass.KILLED, "killed"))
    apply(store, "j-1", TaskFinished(lease.token, killed))
    start(store)
    with store.orchestrate() as tx:
        assert tx.payload("j-1")["checkpoint"] == {"key": "c/2", "step": 2, "sha256": "ab"}


@pytest.mark.parametrize("last_words", ["half \ud83d", "nul \0", "🌲 whole"], ids=["half", "nul", "whole"])
def test_any_last_words_end_a_task(store: SqlJobStore, log: SqlEventLog, last_words: str) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    with store.orchestrate() as tx:
        assert tx.take_over(lease.token, "log", 0, 9, log_piece(last_words)) == 9
    result = {"metrics": {"loss": math.nan, "big": math.inf, "name": last_words}}
    failure = Failure(FailureClass.USER_ERROR, last_words, last_words)
    apply(store, "j-1", TaskFinished(lease.token, Outcome(TaskStatus.FAILED, failure, result)))
    record = store.get("j-1")
    assert record.reason == last_words.replace("\0", "\ufffd").replace("\ud83d", "\ufffd")
    assert record.error is not None
    json.dumps([record.error, log.read_last("j-1", "log", 1)[0].data], ensure_ascii=False).encode()


def test_numbers_that_are_none_become_null(store: SqlJobStore) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    result = {"metrics": {"loss": math.nan, "huge": 10**30}}
    apply(store, "j-1", TaskFinished(lease.token, Outcome(TaskStatus.SUCCEEDED, result=result)))
    assert store.get("j-1").metrics == {"loss": None, "huge": 10**30}


# ---- the event log ---------------------------------------------------------------------------------------------------


def test_the_log_is_read_in_pieces_by_job_and_kind(store: SqlJobStore, log: SqlEventLog) -> None:
    assert log.last_id() == 0
    for number in (1, 2):
        store.insert(new_job(f"j-{number}"))
        run_to_end(store, f"j-{number}")
    everything = log.read_after(0)
    ids = [event.id for event in everything]
    assert ids == sorted(set(ids))
    assert log.last_id() == ids[-1]
    assert log.read_after(ids[2], limit=2) == everything[3:5]
    assert {event.job_id for event in log.read_after(0, job_id="j-2")} == {"j-2"}
    assert [
        event.kind for event in log.read_after(0, job_id="j-1", kinds=("job.started", "job.completed"))
    ] == [
        "job.started",
        "job.completed",
    ]
    assert log.read_after(ids[-1]) == []
    assert store.last_log_end("j-2") == ids[-1]
    assert store.last_log_end("j-404") == 0


def test_entries_of_one_transaction_keep_their_order(store: SqlJobStore, log: SqlEventLog) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    with store.orchestrate() as tx:
        pieces = [piece for number in range(50) for piece in log_piece(str(number))]
        tx.take_over(lease.token, "log", 0, 50, pieces)
    read = [event.data["text"] for event in log.read_after(0, kinds=("log",))]
    assert read == [str(number) for number in range(50)]


def test_a_reader_misses_nothing_while_two_write(
    store: SqlJobStore, log: SqlEventLog, database: Database
) -> None:
    each = 60
    store.insert(new_job())
    done = threading.Event()

    def write(writer: int) -> None:
        for number in range(each):
            with database.begin() as connection:
                new = [
                    NewEvent("note", NOW, {"writer": writer, "number": number, "part": part})
                    for part in (0, 1)
                ]
                log.append(connection, new)

    def follow() -> list[tuple[int, int, int]]:
        seen: list[Any] = []
        position = 0
        while True:
            last_round = done.is_set()
            found = log.read_after(position, limit=7, kinds=("note",))
            seen += [(event.data["writer"], event.data["number"], event.data["part"]) for event in found]
            position = found[-1].id if found else position
            if last_round and not found:
                return seen

    with ThreadPoolExecutor(3) as pool:
        reader = pool.submit(follow)
        writers = [pool.submit(write, number) for number in (0, 1)]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            done.set()
        seen = reader.result(60)
    assert len(seen) == 4 * each
    for writer_number in (0, 1):
        mine = [entry for entry in seen if entry[0] == writer_number]
        assert mine == [(writer_number, number, part) for number in range(each) for part in (0, 1)]


def test_cursors_keep_their_place(log: SqlEventLog, database: Database) -> None:
    assert log.cursor("mlflow") == 0
    log.save_cursor("mlflow", 7)
    log.save_cursor("mlflow", 9)
    assert (log.cursor("mlflow"), log.cursor("other")) == (9, 0)
    at_once(4, lambda n: log.save_cursor("new", n))
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(cursors)).scalar_one() == 2


# ---- intents, deadlines, deletion ------------------------------------------------------------------------------------


def test_intents_wait_until_they_are_closed(
    store: SqlJobStore, log: SqlEventLog, fleet: SqlWorkerStore
) -> None:
    store.insert(new_job())
    store.request("j-1", "cancel", NOW)
    fleet.request("w-1", "drain", NOW)
    with store.orchestrate() as tx:
        orders = tx.open_commands("orchestrator")
        assert [(order.kind, order.ref) for order in orders] == [("cancel", "j-1"), ("drain", "w-1")]
        tx.close_commands(orders[:1], NOW)
        tx.close_commands([], NOW)
        assert [order.kind for order in tx.open_commands("orchestrator")] == ["drain"]
    assert kinds(log)[-1] == "job.cancel_requested"


def test_a_start_is_confirmed_by_its_own_worker(store: SqlJobStore) -> None:
    store.insert(new_job())
    (lease,) = start(store)
    with store.orchestrate() as tx:
        tx.close_command("w-2", lease.token, "start", NOW)
        assert len(tx.open_commands("agent:w-1")) == 1
        tx.close_command("w-1", lease.token, "start", NOW)
        assert tx.open_commands("agent:w-1") == []


def test_the_queue_is_in_order_of_priority_then_age(store: SqlJobStore) -> None:
    for job_id, priority, age in (("j-1", 1, 0), ("j-2", 2, 5), ("j-3", 0, 1), ("j-4", 1, 3), ("j-5", 1, 0)):
        store.insert(new_job(job_id, priority=priority, created_at=NOW - timedelta(seconds=age)))
    with store.orchestrate() as tx:
        assert [job.id for job in tx.queue(10)] == ["j-3", "j-4", "j-1", "j-5", "j-2"]
        assert [job.id for job in tx.queue(2)] == ["j-3", "j-4"]
        assert tx.queue(1)[0].resources == SPEC["resources"]


def test_a_running_job_is_not_deleted(store: SqlJobStore) -> None:
    store.insert(new_job())
    with pytest.raises(Conflict, match="is queued; cancel it"):
        store.delete("j-1")
    start(store)
    with pytest.raises(Conflict, match="is running; cancel it"):
        store.delete("j-1")
    assert store.tasks("j-1")


def test_a_deleted_job_leaves_its_leases_alone(
    store: SqlJobStore, database: Database, log: SqlEventLog
) -> None:
    for job_id in ("j-1", "j-2"):
        store.insert(new_job(job_id))
        run_to_end(store, job_id)
        store.request(job_id, "retry", NOW)
    token = store.tasks("j-1")[0]["lease"]

    def mine(job_id: str, token: int) -> dict[str, int]:
        of_job = {table.name: table.c.job_id == job_id for table in (attempts, tasks, events)} | {
            "jobs": jobs.c.id == job_id,
            "outbox": or_(outbox.c.ref == job_id, outbox.c.ref == str(token)),
        }
        with database.read() as connection:
            return {
                name: connection.execute(select(func.count()).where(condition)).scalar_one()
                for name, condition in of_job.items()
            }

    assert all(mine("j-1", token).values())
    store.delete("j-1")
    assert set(mine("j-1", token).values()) == {0}
    with database.read() as connection:  # the ledger does not forget
        kept = connection.execute(select(leases.c.job_id).order_by(leases.c.token)).scalars()
        assert list(kept) == ["j-1", "j-2"]
    assert all(mine("j-2", store.tasks("j-2")[0]["lease"]).values())
    with store.orchestrate() as tx:
        assert tx.take_over(token, "log", 0, 4, log_piece("late")) is None
        assert tx.task_place(token) is None


def test_a_job_is_deleted_whole_while_its_log_arrives(store: SqlJobStore, log: SqlEventLog) -> None:
    store.insert(new_job())
    run_to_end(store)
    token = store.tasks("j-1")[0]["lease"]
    taken = threading.Event()
    go_on = threading.Event()

    def deliver() -> None:
        with store.orchestrate() as tx:
            tx.take_over(token, "log", 0, 4, log_piece("last"))
            taken.set()
            go_on.wait(0.3)

    with ThreadPoolExecutor(2) as pool:
        delivery = pool.submit(deliver)
        assert taken.wait(10)
        deletion = pool.submit(store.delete, "j-1")
        delivery.result(20)
        deletion.result(20)
    assert log.read_after(0, job_id="j-1") == []


# ---- workers ---------------------------------------------------------------------------------------------------------


def a_worker(worker_id: str = "w-1", **changes: Any) -> Worker:
    resources = {"cpus": 4, "memory_bytes": 2**34, "gpus": []}
    return replace(Worker(worker_id, "näme 🌲", WorkerState.ONLINE, 2, resources, {}, NOW, NOW), **changes)


def test_a_worker_joins_and_beats(fleet: SqlWorkerStore) -> None:
    assert fleet.join(a_worker()) == a_worker()
    later = NOW + timedelta(seconds=3)
    fleet.beat({"w-1": (later, {"cpu_percent": 12.5}), "w-404": (later, {})})
    assert fleet.get("w-1") == a_worker(stats={"cpu_percent": 12.5}, seen_at=later)
    assert [worker.id for worker in fleet.all()] == ["w-1"]
    with pytest.raises(NotFound, match="no worker 'w-404'"):
        fleet.get("w-404")
    with pytest.raises(NotFound, match="no worker 'w-404'"):
        fleet.set_state("w-404", WorkerState.LOST)


def test_a_worker_that_comes_back_is_the_same_one(fleet: SqlWorkerStore) -> None:
    fleet.join(a_worker())
    fleet.set_state("w-1", WorkerState.LOST)
    assert fleet.get("w-1").state is WorkerState.LOST
    later = NOW + timedelta(seconds=60)
    back = fleet.join(a_worker(slots=3, joined_at=later, seen_at=later))
    assert (back.state, back.slots, back.joined_at, back.seen_at) == (WorkerState.ONLINE, 3, NOW, later)


def test_a_draining_worker_goes_on_draining(fleet: SqlWorkerStore) -> None:
    fleet.join(a_worker())
    fleet.set_state("w-1", WorkerState.DRAINING)
    assert fleet.join(a_worker()).state is WorkerState.DRAINING
    fleet.set_state("w-1", WorkerState.ONLINE)
    assert fleet.join(a_worker()).state is WorkerState.ONLINE


def test_a_worker_that_joins_twice_at_once_is_there_once(fleet: SqlWorkerStore) -> None:
    assert at_once(4, lambda _: fleet.join(a_worker())) == [a_worker()] * 4
    assert fleet.all() == [a_worker()]


def test_workers_hold_what_is_leased_to_them(store: SqlJobStore, fleet: SqlWorkerStore) -> None:
    store.insert(new_job())
    assert fleet.running() == {}
    (lease,) = start(store)
    assert list(fleet.running()) == ["w-1"]
    apply(store, "j-1", TaskFinished(lease.token, DONE))
    assert fleet.running() == {}


@pytest.mark.parametrize("within", [("b",), ("a", "c"), ("none",), ()])
def test_the_jobs_of_some_workspaces(store: SqlJobStore, database: Database, within: tuple[str, ...]) -> None:
    for number in range(40):
        store.insert(
            new_job(
                f"j-{number:02}", workspace="abcd"[number % 4], created_at=NOW + timedelta(seconds=number)
            )
        )
    asked: list[tuple[str, Any]] = []
    sql_event.listen(
        database.engine, "before_cursor_execute",
        lambda _connection, _cursor, statement, parameters, *_: asked.append((statement, parameters)),
    )  # fmt: skip
    mine = [f"j-{number:02}" for number in range(39, -1, -1) if "abcd"[number % 4] in within]
    found, cursor = store.page(JobFilter(within=within), 7, None, "-created_at")
    assert [job.id for job in found] == mine[:7]
    assert (cursor is not None) == (len(mine) > 7)
    if database.is_sqlite:
        statement, parameters = next(one for one in asked if "FROM jobs" in one[0])
        with database.read() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        assert "TEMP B-TREE" not in str(plan), "all jobs of a workspace are sorted for one page"
