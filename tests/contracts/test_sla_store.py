"""Service levels over what the orchestrator has written and gateways have counted, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from pydantic import TypeAdapter
from sqlalchemy import event as on
from sqlalchemy import text
from tests.contracts.test_ledger_store import BOOK, DONE, Fleet

from tensorfleet import migrations
from tensorfleet.adapters.database import Database
from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.gateway.answers import AnswerCounts
from tensorfleet.jobs.events import CancelRequested, RetryRequested, TaskStarted
from tensorfleet.jobs.machine import MOST_LOSSES
from tensorfleet.jobs.model import Failure, FailureClass, Outcome, TaskStatus
from tensorfleet.ledger.budgets import Budget
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.monitor.channels import send
from tensorfleet.monitor.messages import notice_of
from tensorfleet.monitor.notifier import Reader
from tensorfleet.orchestrator import service_levels
from tensorfleet.orchestrator.budgets import BudgetWatch
from tensorfleet.orchestrator.service_levels import ObjectiveWatch, UptimeWatch, address_in, asked
from tensorfleet.settings import load_settings
from tensorfleet.settings_monitoring import ChannelSettings
from tensorfleet.settings_protection import OutgoingSettings
from tensorfleet.sla.answers import ReportRead
from tensorfleet.sla.figures import Answers, Ended, Jobs, Tally
from tensorfleet.sla.model import Objectives, parse_objectives
from tensorfleet.sla.schemas import to_csv
from tensorfleet.sla.service import ServiceLevels
from tensorfleet.sla.store import SqlJobFigures, SqlMeasurements
from tensorfleet.testing.inbox import inbox

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
USERS = Outcome(TaskStatus.FAILED, Failure(FailureClass.USER_ERROR, "a spelling mistake"))
LOST = Outcome(TaskStatus.FAILED, Failure(FailureClass.LOST_WORKER, "the worker is gone"))
PROMISED = {"availability": 99.5, "submission_p95_s": 0.5, "job_success": 99.0, "queue_wait_p95_s": 7.0}
GAP = timedelta(seconds=60)


@pytest.fixture
def fleet(database: Database) -> Iterator[Fleet]:
    fleet = Fleet(database)
    fleet.now = APRIL
    yield fleet
    fleet.close()


def levels(fleet: Fleet, **own: dict[str, float | None]) -> ServiceLevels:
    objectives = Objectives(
        parse_objectives(PROMISED), {name: parse_objectives({**PROMISED, **one}) for name, one in own.items()}
    )
    database = fleet.database
    # What happens at this very instant is not before it.
    return ServiceLevels(
        SqlJobFigures(database),
        SqlMeasurements(database),
        objectives,
        lambda: fleet.now + timedelta(seconds=1),
    )


def jobs_of(fleet: Fleet, begin: datetime = APRIL, *only: str) -> dict[str, Jobs]:
    figures = SqlJobFigures(fleet.database)
    return figures.read(begin, begin + timedelta(days=30), fleet.now, (1.0, 7.0, 100.0), only or None)


def submit_and_start(fleet: Fleet, job_id: str, workspace: str, wait_s: float) -> None:
    fleet.submit_new(job_id, workspace)
    fleet.pass_time(wait_s)
    fleet.work()


def end_by_platform(fleet: Fleet, job_id: str) -> None:
    """Its workers are lost until it is given up."""
    for _ in range(MOST_LOSSES + 1):
        fleet.run(job_id, 1, LOST)
        fleet.pass_time(120)
        fleet.work()


def test_jobs_are_counted_by_how_they_ended_and_how_long_they_waited(fleet: Fleet) -> None:
    submit_and_start(fleet, "j-1", "lab", 5)
    fleet.run("j-1", 10)
    submit_and_start(fleet, "j-2", "lab", 50)
    fleet.run("j-2", 10, USERS)
    submit_and_start(fleet, "j-3", "guests", 0.5)
    end_by_platform(fleet, "j-3")
    fleet.submit_new("j-4", "guests")
    fleet.work(("j-4", CancelRequested()))
    assert {name: found.submitted for name, found in jobs_of(fleet).items()} == {"lab": 2, "guests": 2}
    lab, guests = jobs_of(fleet)["lab"], jobs_of(fleet)["guests"]
    assert lab.waits == {7.0: 1, 100.0: 1}
    assert set(lab.ended) == {Ended("completed", None, 1), Ended("failed", "user_error", 1)}
    assert lab.held.assignments == {1.0: 2}
    assert guests.waits == {1.0: 1}
    assert Ended("failed", "lost_worker", 1, MOST_LOSSES) in guests.ended
    assert guests.count("cancelled") == 1
    assert guests.held.lost_s == pytest.approx(MOST_LOSSES + 1)
    assert guests.held.lost_cpu_s == pytest.approx(2 * (MOST_LOSSES + 1)), "each held two cores"
    assert jobs_of(fleet, APRIL, "lab").keys() == {"lab"}
    fleet.work(("j-2", RetryRequested()))
    assert jobs_of(fleet)["lab"].failures == {}, "it has not ended any more"


def test_a_job_that_waits_is_seen_before_it_starts(fleet: Fleet) -> None:
    fleet.submit_new("j-1", "lab")
    fleet.pass_time(3)
    assert jobs_of(fleet)["lab"].waiting == {7.0: 1}
    fleet.pass_time(5)
    lab = jobs_of(fleet)["lab"]
    assert (lab.submitted, lab.waits, lab.waiting) == (1, {}, {100.0: 1})
    report = levels(fleet).report(None, "lab")
    assert met(report) == {"availability": None, "submission": None, "job_success": None, "queue_wait": False}


def met(report: dict[str, Any]) -> dict[str, bool | None]:
    return {one["name"]: one["met"] for one in report["objectives"]}


def test_months_end_at_midnight_utc(fleet: Fleet) -> None:
    fleet.now = APRIL - timedelta(seconds=30)
    submit_and_start(fleet, "j-1", "lab", 1)
    fleet.run("j-1", 60)
    march, april = levels(fleet).report("2026-03", None), levels(fleet).report(None, None)
    assert (march["complete"], march["to"], march["jobs"]["submitted"]) == (
        True, "2026-04-01T00:00:00.000000Z", 1
    )  # fmt: skip
    assert "burn" not in march["objectives"][0]
    assert (april["complete"], april["jobs"]["submitted"], april["jobs"]["completed"]) == (False, 0, 1)
    assert levels(fleet).report("2025-01", None)["workspaces"] == []
    fleet.pass_time(30 * 86400)
    may = levels(fleet).report(None, None)
    assert (may["month"], may["jobs"]["completed"], may["jobs"]["assignment"]["count"]) == ("2026-05", 0, 0)
    for wrong in ("2026-06", "2026-13", "april", "20260-1", "9999-12"):
        with pytest.raises(InvalidInput):
            levels(fleet).report(wrong, None)


def test_a_report_has_each_workspace_that_may_be_seen(fleet: Fleet) -> None:
    for number, workspace in enumerate(("lab", "guests", "lab")):
        submit_and_start(fleet, f"j-{number}", workspace, 1)
        fleet.run(f"j-{number}", 5, DONE if number else USERS)
    report = levels(fleet, lab={"job_success": None}).report(None, None)
    assert [(one["workspace"], one["jobs"]["submitted"]) for one in report["workspaces"]] == [
        ("guests", 1), ("lab", 2)
    ]  # fmt: skip
    described = TypeAdapter(ReportRead)
    assert described.dump_python(described.validate_python(report)) == report, (
        "as the OpenAPI document has it"
    )
    assert report["jobs"]["success"] == pytest.approx(2 / 3, abs=1e-6)
    assert report["jobs"]["platform_success"] == 1.0
    assert report["jobs"]["failed_by_class"] == {"user_error": 1}
    assert met(report)["job_success"] is True
    assert [one["name"] for one in report["workspaces"][1]["objectives"]] == [
        "availability", "submission", "queue_wait"
    ]  # fmt: skip
    mine = levels(fleet).report(None, None, ("guests",))
    assert [one["workspace"] for one in mine["workspaces"]] == ["guests"]
    assert mine["jobs"]["submitted"] == 1, "nor do the sums tell of others"
    rows = list(csv.DictReader(io.StringIO(to_csv(report))))
    assert [row["workspace"] for row in rows] == ["", "guests", "lab"]
    assert rows[0]["jobs.failed_by_class.user_error"] == "1"
    assert rows[2]["jobs.wait.p95_s"] == str(report["workspaces"][1]["jobs"]["wait"]["p95_s"])
    assert rows[0]["api.unknown_s"] == str(report["api"]["unknown_s"])


def test_the_report_reads_indexes_and_no_jobs(fleet: Fleet) -> None:
    if not fleet.database.is_sqlite:
        pytest.skip("PostgreSQL plans by what it knows of the tables, which are empty here")
    asked_for: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked_for.append((statement, parameters))

    on.listen(fleet.database.engine, "before_cursor_execute", note)
    levels(fleet).report(None, None)
    on.remove(fleet.database.engine, "before_cursor_execute", note)
    month = [one for one in asked_for if "FROM jobs" in one[0] or "FROM leases" in one[0]][:4]
    with fleet.database.read() as connection:
        plans = [
            " ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values))
            for query, values in month
        ]
    assert [
        next(name for name in ("created", "queue", "finished", "leases_released") if name in plan)
        for plan in plans
    ] == ["created", "queue", "finished", "leases_released"]
    assert "COVERING INDEX ix_jobs_created" in plans[0]
    assert "COVERING INDEX ix_jobs_finished" in plans[2]


# ---- what was measured --------------------------------------------------------------------------------------------------


def tell(database: Database, *probes: tuple[float, bool]) -> None:
    with database.begin() as connection:
        found = [(APRIL + timedelta(seconds=seconds), up) for seconds, up in probes]
        SqlMeasurements(database).extend_uptime(connection, found, GAP)


def uptime(database: Database, begin_s: float, end_s: float) -> Tally:
    begin, end = (APRIL + timedelta(seconds=seconds) for seconds in (begin_s, end_s))
    return SqlMeasurements(database).uptime(begin, end)


def test_uptime_is_cut_to_what_is_asked_for(database: Database) -> None:
    assert uptime(database, 0, 100) == Tally()
    tell(database, (0, True), (30, True), (60, True), (90, False))
    tell(database, (90, False), (120, False), (150, True), (180, True))
    tell(database, (1000, True), (1030, True))
    assert uptime(database, -100, 2000) == Tally(150, 210)
    assert uptime(database, 50, 130) == Tally(20, 80), "ten seconds before and ten after"
    assert uptime(database, 200, 900) == Tally(), "of which nobody knows"
    assert uptime(database, 1010, 1020) == Tally(10, 10)


def test_a_first_look_that_was_an_instant_is_no_time(database: Database) -> None:
    tell(database, (0, True))
    tell(database, (30, False))
    assert uptime(database, -10, 100) == Tally(0, 30)


def counted(database: Database, begin: datetime, end: datetime, **how: bool) -> dict[tuple[str, float], Any]:
    found = SqlMeasurements(database).answers(begin, end, **how)
    return {(one.route, one.edge_s): (one.count, one.errors) for one in found}


def test_several_gateways_add_to_the_same_minutes(database: Database) -> None:
    noon = APRIL.replace(hour=12)
    for gateway in (SqlMeasurements(database), SqlMeasurements(database)):
        gateway.add_answers(
            {
                noon: [Answers("submit", 0.5, 2, 1), Answers("read", 0.005, 5)],
                noon + timedelta(minutes=1): [Answers("submit", 0.5, 1)],
                noon + timedelta(minutes=61): [Answers("submit", 1e9, 1)],
            }
        )
    SqlMeasurements(database).add_answers({})
    later = noon + timedelta(hours=3)
    assert counted(database, noon, later, by_minute=True) == {
        ("submit", 0.5): (6, 2), ("read", 0.005): (10, 0), ("submit", 1e9): (2, 0)
    }  # fmt: skip
    assert counted(database, noon, later, by_minute=False) == counted(database, noon, later, by_minute=True)
    assert counted(database, noon + timedelta(seconds=90), later, by_minute=True) == {
        ("submit", 0.5): (2, 0), ("submit", 1e9): (2, 0)
    }  # fmt: skip
    soon = noon + timedelta(seconds=30)
    assert counted(database, noon, soon, by_minute=False) == {
        ("submit", 0.5): (6, 2), ("read", 0.005): (10, 0)
    }  # fmt: skip


def test_what_is_old_is_forgotten(database: Database) -> None:
    store, now = SqlMeasurements(database), APRIL + timedelta(days=90)
    for at in (APRIL, APRIL + timedelta(days=80), now - timedelta(minutes=5)):
        store.add_answers({at: [Answers("read", 0.5, 1)]})
    tell(database, (0, True), (30, True), (80 * 86400, True), (80 * 86400 + 30, True))
    store.prune(now, APRIL + timedelta(days=30))
    assert counted(database, APRIL, now, by_minute=False) == {("read", 0.5): (2, 0)}
    assert counted(database, APRIL, now, by_minute=True) == {("read", 0.5): (1, 0)}
    assert uptime(database, 0, 100 * 86400) == Tally(30, 30)


def test_a_gateway_counts_while_the_database_is_away(database: Database) -> None:
    class Away(SqlMeasurements):
        away = True

        def add_answers(self, counted: Any) -> None:
            if self.away:
                raise Unavailable("away")
            super().add_answers(counted)

    store = Away(database)
    counts = AnswerCounts(store, lambda: APRIL + timedelta(seconds=70), timedelta(days=400), 15.0)
    counts.note("POST", "/api/v1/jobs", 201, 0.003)
    counts.note("GET", "/health", 200, 0.003)
    counts.write()
    counts.note("POST", "/api/v1/jobs", 503, 9.0)
    store.away = False
    counts.write()
    counts.write()
    hour = APRIL + timedelta(hours=1)
    assert counted(database, APRIL, hour, by_minute=True) == {
        ("submit", 0.005): (1, 0), ("submit", 10.0): (1, 1)
    }  # fmt: skip
    assert counted(database, APRIL, APRIL + timedelta(seconds=60), by_minute=True) == {}


# ---- who watches --------------------------------------------------------------------------------------------------------


def test_the_api_is_asked_and_what_it_answers_is_kept(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(home=tmp_path, sla={"url": "http://gateway:8080", "every_s": 10})
    answers = iter([True, True, False, True])
    monkeypatch.setattr(service_levels, "asked", lambda url, context: next(answers))
    watch = UptimeWatch(fleet, SqlMeasurements(fleet.database), settings, lambda: fleet.now)  # type: ignore[arg-type]

    async def looks() -> None:
        for _ in range(4):
            await watch.look()
            await watch.written()
            fleet.pass_time(10)

    asyncio.run(looks())
    assert uptime(fleet.database, 0, 100) == Tally(20, 30)


def test_what_is_no_gateway_does_not_answer(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:1", "http://[", "http://no-such-host.invalid", "http://127.0.0.1:99999"):
        assert asked(url) is False
    assert address_in(tmp_path) == ""
    for content in ("", "[]", "{", '{"url": "http://127.0.0.1:5"}'):
        (tmp_path / "address.json").write_text(content)
    assert address_in(tmp_path) == "http://127.0.0.1:5"


def test_a_breach_is_told_once_and_its_end_too(fleet: Fleet) -> None:
    def a_watch() -> ObjectiveWatch:
        return ObjectiveWatch(
            fleet,
            levels(fleet, lab={"submission_p95_s": 0.25}, guests={"job_success": 50.0}),
            fleet.log,
            lambda: fleet.now,
            60.0,
        )  # type: ignore[arg-type]

    def count(edge_s: float, count: int) -> None:
        SqlMeasurements(fleet.database).add_answers({fleet.now: [Answers("submit", edge_s, count)]})

    watch = a_watch()
    asyncio.run(watch.look())
    assert told(fleet) == []
    count(0.005, 90)
    count(1.0, 10)
    asyncio.run(watch.look())
    asyncio.run(watch.look())
    asyncio.run(a_watch().look())  # another orchestrator has taken over
    assert told(fleet) == [
        ("sla.breached", None, "submission", "2026-04"),
        ("sla.breached", "lab", "submission", "2026-04"),
    ]
    count(0.005, 200)
    asyncio.run(a_watch().look())
    count(1.0, 10)
    asyncio.run(a_watch().look())
    assert [kind for kind, workspace, *_ in told(fleet) if workspace is None] == [
        "sla.breached", "sla.restored", "sla.breached"
    ]  # fmt: skip
    notice = notice_of(fleet.log.read_last(None, "sla.breached", 1)[0], None)
    assert notice.text.startswith(
        "The SLA of workspace lab is breached in 2026-04: submissions answered within 0.25 s"
    )
    assert dict(notice.facts)["objective"] == "submission"


def told(fleet: Fleet) -> list[tuple[str, str | None, str, str]]:
    found = [
        event for kind in ("sla.breached", "sla.restored") for event in fleet.log.read_last(None, kind, 99)
    ]
    return [
        (event.kind, event.data["workspace"], event.data["objective"], event.data["month"])
        for event in sorted(found, key=lambda event: event.id)
    ]


def test_people_are_told_of_budgets(fleet: Fleet) -> None:
    budgets = {"lab": Budget(2.0, warn_at=0.5)}
    watch = BudgetWatch(fleet, SqlLedgerStore(fleet.database), fleet.log, BOOK, budgets, lambda: fleet.now)  # type: ignore[arg-type]
    outgoing = OutgoingSettings.model_validate({"allow": ["127.0.0.0/8"]})
    asyncio.run(watch.look())
    submit_and_start(fleet, "j-1", "lab", 1)
    fleet.work(("j-1", TaskStarted(fleet.token("j-1"))))
    with inbox() as hook:
        channel = ChannelSettings.model_validate({"name": "own", "type": "webhook", "url": hook.url})
        reader = Reader(
            channel,
            fleet.log,
            lambda job_id: None,
            lambda channel, notices: send(channel, notices, outgoing),
            lambda: fleet.now,
        )
        for seconds in (2000, 10, 2000, 10):
            fleet.pass_time(seconds)
            asyncio.run(watch.look())
            reader.once()
        told = [one for posted in hook.posted for one in posted.json["events"]]
    assert [(one["kind"], one["workspace"], one["month"]) for one in told] == [
        ("budget.warned", "lab", "2026-04"),
        ("budget.spent", "lab", "2026-04"),
    ]
    assert told[0]["text"].startswith("Workspace lab has spent 1.11 of its monthly budget of 2 EUR")
    assert told[1]["spent"] > told[1]["monthly"] == 2.0


def test_jobs_that_failed_before_the_upgrade_have_their_class(empty_database: Database) -> None:
    def upgrade_to(version: str) -> None:
        with empty_database.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent))
            config.attributes["connection"] = connection
            command.upgrade(config, version)

    upgrade_to("0008")
    columns = "id, name, workspace, kind, status, priority, workers, spec, inputs, attempt, failures, metrics, revision"
    values = "'a', 'default', 'train', '{0}', 1, 1, '{{}}', '{{}}', 1, 1, '{{}}', 0"
    with empty_database.begin() as connection:
        for status, error in (("failed", '\'{"class": "lost_worker"}\''), ("completed", "NULL")):
            connection.exec_driver_sql(
                f"INSERT INTO jobs ({columns}, cancel_requested, pause_requested, progress, created_at, error)"
                f" VALUES ('j-{status}', {values.format(status)}, false, false, 0, 0, {error})"
            )
    upgrade_to("0009")
    with empty_database.read() as connection:
        found = connection.execute(text("SELECT id, failure FROM jobs ORDER BY id")).all()
    assert [tuple(row) for row in found] == [("j-completed", None), ("j-failed", "lost_worker")]
