"""The ledger over what the orchestrator has written, and budgets that hold jobs back, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contracts.test_board import a_worker

from tensorfleet.adapters.database import Database
from tensorfleet.errors import InvalidInput, NotFound
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import JobEvent, TaskFinished, TaskStarted
from tensorfleet.jobs.model import Failure, FailureClass, Outcome, TaskStatus, Usage
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.ledger.budgets import Budget
from tensorfleet.ledger.grouping import By
from tensorfleet.ledger.model import Price, PriceBook
from tensorfleet.ledger.service import Ledger
from tensorfleet.ledger.spending import Spending
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.budgets import BudgetWatch
from tensorfleet.orchestrator.handlers import apply_event
from tensorfleet.orchestrator.placing import place_waiting
from tensorfleet.scheduling.explain import explain
from tensorfleet.scheduling.model import Policy, Wait, WaitCode
from tensorfleet.testing.chaos.ledger_checks import LeaseTime, check_ledger, read_lease_time

BEGIN = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
DONE = Outcome(TaskStatus.SUCCEEDED, result={"metrics": {}}, usage=Usage(30.0, 120.0, "measured"))
HUNG = Outcome(
    TaskStatus.FAILED, Failure(FailureClass.HANG, "it stands still"), usage=Usage(1.0, 5.0, "measured")
)
STOPPED = Outcome(TaskStatus.STOPPED, Failure(FailureClass.CANCELLED, "stopped"))
BOOK = PriceBook("EUR", Price(cpu_hour=1.0), {"big": Price(cpu_hour=10.0)}, carbon_g_per_kwh=360.0)
RESOURCES = {"workers": 1, "cpus": 2.0, "gpus": 0, "memory": 10**9}


class Fleet:
    """An orchestrator without its loops: jobs are placed by the scheduler, and time is set by hand."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlJobStore(database)
        self.log = SqlEventLog(database)
        self.board = Board(Policy.RESOURCE_FIT, {})
        self.board.know_worker(a_worker("w-1", 8))
        self.now = BEGIN
        self._thread = ThreadPoolExecutor(1)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def submit_new(self, job_id: str, workspace: str = "lab", algorithm: str = "mlp") -> None:
        spec = {
            "name": f"n-{job_id}",
            "algorithm": algorithm,
            "timeout": None,
            "retries": 3,
            "resources": RESOURCES,
        }
        self.store.insert(NewJob(job_id, f"n-{job_id}", workspace, "train", 1, 1, spec, {}, self.now))

    def work(self, *happened: tuple[str, JobEvent]) -> int:
        return int(
            self._in_transaction(
                lambda tx, now: [apply_event(tx, job, event, now) for job, event in happened]
            )[1]
        )

    def _in_transaction(self, work: Callable[[Any, datetime], Any]) -> tuple[Any, int]:
        with self.store.orchestrate() as tx:
            self.board.refresh(tx, self.now)
            result = work(tx, self.now)
            self.board.follow(tx.touched, self.now)
            self.board._changed, self.board._next_look = True, 0.0
            return result, place_waiting(tx, self.board, self.now)

    def token(self, job_id: str) -> int:
        return int(self.store.tasks(job_id)[-1]["lease"])

    def run(self, job_id: str, seconds: float, outcome: Outcome = DONE) -> None:
        self.work((job_id, TaskStarted(self.token(job_id))))
        self.pass_time(seconds)
        self.work((job_id, TaskFinished(self.token(job_id), outcome)))

    # What the budgets' watch needs of an engine.

    async def call(self, function: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def submit(self, work: Callable[[Any, datetime], Any]) -> Any:
        return self._in_transaction(work)[0]

    def close(self) -> None:
        self._thread.shutdown()


@pytest.fixture
def fleet(database: Database) -> Iterator[Fleet]:
    fleet = Fleet(database)
    yield fleet
    fleet.close()


def ledger(fleet: Fleet, budgets: dict[str, Budget] | None = None) -> Ledger:
    store = SqlLedgerStore(fleet.database)
    return Ledger(store, BOOK, budgets or {}, fleet.store.get, lambda: fleet.now)


def test_what_jobs_held_is_in_the_ledger_to_the_second(fleet: Fleet) -> None:
    for job_id, workspace, algorithm in (
        ("j-1", "lab", "mlp"),
        ("j-2", "default", "forest"),
        ("j-3", "lab", "mlp"),
    ):
        fleet.submit_new(job_id, workspace, algorithm)
    assert fleet.work() == 3
    fleet.pass_time(10)
    fleet.run("j-1", 60)
    fleet.run("j-2", 30, HUNG)
    found = ledger(fleet).read(BEGIN, None, None, By.JOB, 10)
    rows = {row["key"]: row for row in found["items"]}
    assert (rows["j-1"]["name"], rows["j-1"]["held_s"]["idle"], rows["j-1"]["held_s"]["useful"]) == (
        "n-j-1",
        10,
        60,
    )
    assert rows["j-1"]["cost"]["total"] == pytest.approx(70 / 3600 * 2)
    assert (rows["j-1"]["energy_j"], rows["j-1"]["energy_how"]) == (120.0, "measured")
    assert rows["j-1"]["carbon_g"] == pytest.approx(120 / 3.6e6 * 360)
    assert (rows["j-2"]["held_s"]["idle"], rows["j-2"]["held_s"]["hung"], rows["j-2"]["energy_j"]) == (
        70,
        30,
        5,
    )
    assert (rows["j-3"]["held_s"]["running"], rows["j-3"]["energy_j"]) == (100, None)
    total = found["total"]
    assert (total["leases"], total["held_s"]["total"], total["cpu_s"]["total"]) == (3, 270, 540)
    for by in By:
        for limit in (1, 10):
            grouped = ledger(fleet).read(BEGIN, None, None, by, limit)
            parts = [*grouped["items"], *([grouped["others"]] if grouped["others"] else [])]
            assert sum(part["held_s"]["total"] for part in parts) == pytest.approx(270)
            assert sum(part["energy_j"] or 0 for part in parts) == pytest.approx(125)
            assert grouped["total"] == total
    only = ledger(fleet).read(BEGIN, None, "lab", By.ALGORITHM, 10)
    assert [(row["key"], row["leases"]) for row in only["items"]] == [("mlp", 2)]


def test_the_ledger_remembers_jobs_that_were_deleted(fleet: Fleet) -> None:
    fleet.submit_new("j-1")
    fleet.work()
    fleet.run("j-1", 5)
    fleet.store.delete("j-1")
    with pytest.raises(NotFound):
        fleet.store.get("j-1")
    found = ledger(fleet).of_job("j-1")
    assert (found["total"]["held_s"]["useful"], len(found["leases"])) == (5, 1)
    assert ledger(fleet).read(BEGIN, None, None, By.JOB, 5)["items"][0]["name"] == "n-j-1"
    assert check_ledger(fleet.database) == []
    assert read_lease_time(fleet.database) == LeaseTime(1, 5_000_000)
    with pytest.raises(NotFound):
        ledger(fleet).of_job("j-2")
    with pytest.raises(InvalidInput, match="to must be after from"):
        ledger(fleet).read(fleet.now, BEGIN, None, By.JOB, 5)


def test_a_month_has_what_was_held_in_it(fleet: Fleet) -> None:
    fleet.submit_new("j-1")
    fleet.work()
    fleet.run("j-1", 5400)  # half an hour of it in April
    fleet.pass_time(60)
    assert ledger(fleet).read(None, None, None, By.JOB, 5)["total"]["held_s"]["total"] == 1800
    april = BEGIN + timedelta(hours=1)
    march = ledger(fleet).read(BEGIN - timedelta(days=30), april, None, By.MONTH, 5)
    assert [(row["key"], row["held_s"]["total"]) for row in march["items"]] == [("2026-03", 3600)]


def test_a_task_that_nobody_could_ask_gets_an_estimate(fleet: Fleet) -> None:
    fleet.submit_new("j-1")
    fleet.work()
    fleet.run("j-1", 100, STOPPED)
    lease = ledger(fleet).of_job("j-1")["leases"][0]
    assert (lease["cpu_used_s"], lease["energy_how"]) == (None, "estimated")
    assert lease["energy_j"] == pytest.approx(100 * 2 * 0.5 * 4 + 10**9 / 2**30 * 3 / 8 * 100)


def test_a_lease_costs_what_its_workers_type_costs(fleet: Fleet) -> None:
    worker = a_worker("w-1", 8)
    worker.resources["type"] = "big"
    fleet.board.know_worker(worker)
    fleet.submit_new("j-1")
    fleet.work()
    fleet.run("j-1", 3600)
    assert ledger(fleet).of_job("j-1")["total"]["cost"]["total"] == pytest.approx(20.0)


def test_spending_reads_leases_that_are_over_once_and_misses_none(fleet: Fleet) -> None:
    budgets = {"lab": Budget(100.0)}
    spending = Spending(SqlLedgerStore(fleet.database), BOOK, budgets)
    for number in range(6):
        fleet.submit_new(f"j-{number}")
        fleet.work()
        assert spending.read(fleet.now)[0].spent == pytest.approx(fresh(fleet, budgets), abs=1e-6)
        fleet.run(f"j-{number}", 700 + number)
        assert spending.read(fleet.now)[0].spent == pytest.approx(
            fresh(fleet, budgets), abs=1e-6
        )  # released at this very instant
        fleet.pass_time(60.5)
    assert spending.read(fleet.now)[0].since.month == 4
    assert fresh(fleet, budgets) > 0


def fresh(fleet: Fleet, budgets: dict[str, Budget]) -> float:
    return float(ledger(fleet, budgets).standings()[0]["spent"])


def test_a_budget_warns_then_stops_and_says_so_once(fleet: Fleet) -> None:
    budgets = {"lab": Budget(1.0, warn_at=0.5)}
    fleet.pass_time(7200)  # the first of April

    def a_watch() -> BudgetWatch:
        return BudgetWatch(fleet, SqlLedgerStore(fleet.database), fleet.log, BOOK, budgets, lambda: fleet.now)  # type: ignore[arg-type]

    watch = a_watch()
    asyncio.run(watch.look())
    fleet.submit_new("j-1")
    assert fleet.work() == 1
    fleet.work(("j-1", TaskStarted(fleet.token("j-1"))))
    fleet.pass_time(1000)  # 0.56 EUR
    asyncio.run(watch.look())
    fleet.pass_time(1000)
    asyncio.run(watch.look())
    asyncio.run(a_watch().look())  # another orchestrator has taken over
    told = [(event.kind, event.data["month"]) for event in entries(fleet)]
    assert told == [("budget.warned", "2026-04"), ("budget.spent", "2026-04")]
    assert "has spent 1.11 of its monthly budget of 1 EUR" in entries(fleet)[-1].data["message"]

    fleet.submit_new("j-2")
    fleet.submit_new("j-3", "default")
    assert fleet.work() == 1  # that of the other workspace
    waits = explain(fleet.board.snapshot(fleet.now), "j-2")
    assert isinstance(waits, Wait)
    assert waits.code is WaitCode.OVER_BUDGET
    assert waits.reason == ledger(fleet, budgets).over_budget()["lab"]
    assert waits.suggestion == "raise budgets.lab.monthly in tensorfleet.yaml, or wait for the next month"
    assert fleet.store.get("j-1").status.value == "running"
    fleet.work(("j-1", TaskFinished(fleet.token("j-1"), DONE)))

    fleet.now = datetime(2026, 5, 1, 0, 0, 1, tzinfo=UTC)
    asyncio.run(watch.look())
    assert fleet.work() == 1


def test_running_jobs_save_and_wait_where_that_is_wanted(fleet: Fleet) -> None:
    budgets = {"lab": Budget(0.1, save_and_wait=True), "default": Budget(0.1, stop=False, save_and_wait=True)}
    watch = BudgetWatch(fleet, SqlLedgerStore(fleet.database), fleet.log, BOOK, budgets, lambda: fleet.now)  # type: ignore[arg-type]
    fleet.now = datetime(2026, 4, 2, tzinfo=UTC)
    for job_id, workspace in (("j-1", "lab"), ("j-2", "default")):
        fleet.submit_new(job_id, workspace)
    fleet.work()
    for job_id in ("j-1", "j-2"):
        fleet.work((job_id, TaskStarted(fleet.token(job_id))))
    fleet.pass_time(600)
    asyncio.run(watch.look())
    asyncio.run(watch.look())
    fleet.work(("j-1", TaskFinished(fleet.token("j-1"), STOPPED)))
    saved = fleet.store.get("j-1")
    assert (saved.status.value, saved.attempt) == ("queued", 1)
    assert fleet.work() == 0
    assert fleet.store.get("j-2").status.value == "running"
    assert [event.kind for event in entries(fleet)] == ["budget.spent"] * 2


def entries(fleet: Fleet) -> list[Any]:
    return [
        event for kind in ("budget.warned", "budget.spent") for event in fleet.log.read_last(None, kind, 9)
    ]
