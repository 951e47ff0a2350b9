"""What one process tells all others about a part, and who leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tensorfleet.adapters.database import Database
from tensorfleet.fleet.conditions import Condition, SqlConditions
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)


def test_the_newest_report_replaces_the_one_before(database: Database) -> None:
    conditions = SqlConditions(database)
    assert conditions.find("mlflow") is None
    away = Condition("mlflow", "away", NOW, "it does not answer", NOW + timedelta(seconds=4))
    conditions.report(away)
    assert conditions.find("mlflow") == away
    well = Condition("mlflow", "ok", NOW + timedelta(minutes=1))
    conditions.report(well)
    assert conditions.find("mlflow") == well
    assert conditions.find("other") is None


def test_who_leads(database: Database) -> None:
    assert SqlConditions(database).find_leader() is None
    assert SqlLeadership(database, "host-1", 60).acquire()
    leader = SqlConditions(database).find_leader()
    assert leader is not None
    assert (leader.holder, leader.term) == ("host-1", 1)
    assert leader.expires_at > datetime.now(UTC)


def test_the_first_entry_of_some_kinds_after_a_position(database: Database) -> None:
    log = SqlEventLog(database)
    with database.begin() as connection:
        log.append(
            connection, [NewEvent(kind, NOW, {}, "j-1") for kind in ("log", "metrics", "log", "metrics")]
        )
    first = log.find_after(0, ["metrics"], 100)
    assert first is not None
    assert (first.id, first.kind, first.at) == (2, "metrics", NOW)
    assert log.find_after(2, ["metrics"], 1) is None, "it looks ahead no farther than it is told"
    assert log.find_after(4, ["metrics"], 100) is None
