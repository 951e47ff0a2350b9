"""How busy workers were, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import func, select, text

from tensorfleet import migrations
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import worker_usage
from tensorfleet.fleet import usage_store
from tensorfleet.fleet.usage import ALL, MACHINE, Sample, window_of
from tensorfleet.fleet.usage_store import SqlUsage

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def store(database: Database) -> SqlUsage:
    return SqlUsage(database)


def test_samples_are_read_as_means_and_highest_values(store: SqlUsage) -> None:
    for seconds, load in ((0, 10.0), (15, 30.0), (30, 80.0), (45, 0.0)):
        at = NOW - timedelta(minutes=10) + timedelta(seconds=seconds)
        store.add(
            at,
            [Sample("w-1", MACHINE, load, 50.0, 2.0, load / 10), Sample("w-1", 0, load + 1), Sample("w-2")],
        )
    fine = store.read("w-1", window_of(NOW, 1, 1000))
    assert [(row["gpu"], row["load"], row["load_max"]) for row in fine] == [
        (MACHINE, 20.0, 30.0), (0, 21.0, 31.0), (MACHINE, 40.0, 80.0), (0, 41.0, 81.0),
    ]  # fmt: skip
    assert [row["at"] for row in fine[::2]] == [NOW - timedelta(minutes=10), NOW - timedelta(seconds=570)]
    wide = store.read("w-1", window_of(NOW, 1, 6))
    assert [(row["gpu"], row["load"], row["load_max"]) for row in wide] == [
        (MACHINE, 30.0, 80.0),
        (0, 31.0, 81.0),
    ]
    assert (wide[0]["slots"], wide[0]["busy"], wide[0]["busy_max"]) == (2.0, 3.0, 8.0)
    assert store.read("w-3", window_of(NOW, 1, 6)) == []


def test_a_week_is_read_from_coarse_rows(store: SqlUsage) -> None:
    for hours in range(0, 200, 5):
        store.add(NOW - timedelta(hours=hours), [Sample(ALL, queued=float(hours), workers=3.0)])
    found = store.read(ALL, window_of(NOW, 168, 300))
    assert [row["queued"] for row in found] == [float(hours) for hours in range(165, -1, -5)]
    assert {row["workers"] for row in found} == {3.0}


def test_what_is_old_goes(store: SqlUsage, database: Database) -> None:
    def left() -> dict[int, int]:
        with database.read() as connection:
            query = select(worker_usage.c.span_s, func.count()).group_by(worker_usage.c.span_s)
            return {row[0]: row[1] for row in connection.execute(query)}

    for hours in (0, 10, 30, 200):
        store.add(NOW - timedelta(hours=hours), [Sample("w-1")])
    store.prune(NOW, None)
    assert left() == {30: 2, 600: 4}
    store.prune(NOW, NOW - timedelta(days=7))
    assert left() == {30: 2, 600: 3}
    store.prune(NOW, NOW - timedelta(hours=5))
    assert left() == {30: 1, 600: 1}


def test_a_large_fleet_is_written_in_short_transactions(
    store: SqlUsage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    begin = database.begin

    def counted():  # type: ignore[no-untyped-def]
        sizes.append(1)
        return begin()

    monkeypatch.setattr(usage_store, "AT_ONCE", 100)
    monkeypatch.setattr(database, "begin", counted)
    store.add(NOW, [Sample(f"w-{number}", load=float(number)) for number in range(120)])
    assert len(sizes) == 3
    assert store.read("w-119", window_of(NOW, 1, 10))[0]["load"] == 119.0


def test_jobs_from_before_are_found_by_what_they_read_and_came_of(empty_database: Database) -> None:
    def upgrade_to(version: str) -> None:
        with empty_database.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent))
            config.attributes["connection"] = connection
            command.upgrade(config, version)

    upgrade_to("0016")
    jobs = {
        "j-plain": ('{"algorithm": "ridge"}', '{"dataset": {"name": "iris", "version": 3}}'),
        "j-replay": ('{"algorithm": null}', '{"replay_of": "j-plain"}'),
        "j-fork": ("{}", '{"forked": true}'),
    }
    columns = "id, name, workspace, kind, status, priority, workers, attempt, failures, metrics, revision"
    values = "'a', 'default', 'train', 'completed', 1, 1, 1, 1, '{}', 0"
    with empty_database.begin() as connection:
        for job_id, (spec, inputs) in jobs.items():
            connection.exec_driver_sql(
                f"INSERT INTO jobs ({columns}, cancel_requested, pause_requested, progress, created_at, spec, inputs)"
                f" VALUES ('{job_id}', {values}, false, false, 0, 0, '{spec}', '{inputs}')"
            )
        connection.exec_driver_sql(
            "INSERT INTO events (job_id, kind, at, data) VALUES ('j-fork', 'job.forked', 0, '{\"job_id\": \"j-plain\"}')"
        )
    upgrade_to("0017")
    query = "SELECT id, algorithm, dataset, dataset_version, parent FROM jobs ORDER BY id"
    with empty_database.read() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    assert found == [
        ("j-fork", None, None, None, "j-plain"),
        ("j-plain", "ridge", "iris", 3, None),
        ("j-replay", None, None, None, "j-plain"),
    ]
