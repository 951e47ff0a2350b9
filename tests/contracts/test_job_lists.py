"""Searching and counting jobs, on SQLite and on a real PostgreSQL: what is found, and that no row is read beside the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import jobs
from tensorfleet.jobs.model import JobStatus
from tensorfleet.jobs.ports import JobFilter, NewJob
from tensorfleet.jobs.store import SqlJobStore

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PLAIN = NewJob("j-0", "Forest", "default", "train", 1, 1, {"algorithm": "ridge"}, {}, NOW)
LIST: tuple[tuple[str, str, str, str, str], ...] = (
    # id, name, workspace, algorithm, status
    ("j-0aaa", "Forest", "default", "ridge", "completed"),
    ("j-1aab", "deep_forest", "lab", "mlp", "failed"),
    ("j-2bbb", "100%", "default", "mlp", "queued"),
    ("j-3bbc", "1000", "lab", "ridge", "running"),
    ("j-4ccc", "other", "default", "ridge", "completed"),
    ("j-5ccd", "j-0-again", "attic", "knn", "cancelled"),
)


@pytest.fixture
def store(database: Database) -> SqlJobStore:
    store = SqlJobStore(database)
    for number, (job_id, name, workspace, algorithm, status) in enumerate(LIST):
        at = NOW + timedelta(hours=number)
        spec = {"algorithm": algorithm}
        store.insert(replace(PLAIN, id=job_id, name=name, workspace=workspace, spec=spec, created_at=at))
        with database.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(status=status))
    return store


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "012345"),
        ({"text": "FOREST"}, "01"),
        ({"text": "j-0"}, "05"),  # the begin of an id, or within a name
        ({"text": "J-3B"}, "3"),
        ({"text": "bbc"}, ""),  # within an id
        ({"text": "0%"}, "2"),  # not everything
        ({"text": "p_f"}, "1"),
        ({"text": "t_"}, ""),
        ({"status": ("completed", "queued")}, "024"),
        ({"status": ("queued", "running")}, "23"),
        ({"algorithm": "mlp"}, "12"),
        ({"algorithm": "mlp", "text": "deep", "workspace": "lab", "status": ("failed",)}, "1"),
        ({"since": hours(1), "until": hours(3)}, "12"),
        ({"since": hours(4.5)}, "5"),
        ({"within": ("default",)}, "024"),
        ({"within": ("default", "attic"), "status": ("completed",)}, "04"),
        ({"within": ("lab",), "workspace": "default"}, ""),
        ({"within": (), "text": "forest"}, ""),
        ({"name": "other"}, "4"),
    ],
)
def test_what_is_found_is_counted_too(store: SqlJobStore, wanted: dict[str, Any], expected: str) -> None:
    filters = JobFilter(**wanted)
    found, following = store.page(filters, 10, None, "created_at")
    assert "".join(job.id[2] for job in found) == expected
    assert following is None
    counts = store.counts(filters)
    assert counts == {status: sum(LIST[int(one)][4] == status for one in expected) for status in counts}
    assert sum(counts.values()) == len(expected)


@pytest.mark.parametrize("sort", ["-created_at", "name", "-status", "priority"])
def test_pages_of_a_search_go_on_where_they_ended(store: SqlJobStore, sort: str) -> None:
    filters = JobFilter(status=("completed", "failed", "cancelled", "running"))
    whole = [job.id for job in store.page(filters, 10, None, sort)[0]]
    assert len(whole) == 5
    paged: list[str] = []
    cursor = None
    while len(paged) < 5:
        page, cursor = store.page(filters, 2, cursor, sort)
        paged += [job.id for job in page]
    assert (paged, cursor) == (whole, None)


@contextmanager
def asked(database: Database) -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if "FROM jobs" in statement:
            found.append((statement, parameters))

    sql_event.listen(database.engine, "before_cursor_execute", note)
    yield found
    sql_event.remove(database.engine, "before_cursor_execute", note)


def plan_of(database: Database, statement: str, parameters: Any) -> str:
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.read() as connection:
        if not database.is_sqlite:  # it reads small tables as a whole, if it may
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
        return str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())


@pytest.mark.parametrize(
    "wanted",
    [
        {"text": "forest"},
        {"text": "forest", "workspace": "lab"},
        {"algorithm": "mlp", "within": ("lab",)},
        {"status": ("completed", "failed")},
        {"status": ("completed",), "within": ("lab", "default"), "since": NOW},
        {"name": "other", "kind": "train"},
    ],
)
def test_a_search_goes_through_one_index_in_the_order_of_the_list(
    store: SqlJobStore, database: Database, wanted: dict[str, Any]
) -> None:
    with asked(database) as statements:
        store.page(JobFilter(**wanted), 50, None, "-created_at")
        store.counts(JobFilter(**wanted))
    ids, counts = plan_of(database, *statements[0]), plan_of(database, *statements[-1])
    assert "ix_jobs_created" in ids
    if database.is_sqlite:
        assert "COVERING INDEX ix_jobs_created" in ids
        assert "COVERING INDEX ix_jobs_" in counts
        assert "TEMP B-TREE FOR ORDER BY" not in ids


def test_what_has_not_ended_is_found_by_the_queue(store: SqlJobStore, database: Database) -> None:
    live = tuple(status.value for status in JobStatus if not status.ended)
    with asked(database) as statements:
        store.page(JobFilter(status=live), 50, None, "-created_at")
        store.counts()
    assert all("ix_jobs_" in plan_of(database, *one) for one in (statements[0], statements[-1]))
    if database.is_sqlite:
        assert "USING INDEX ix_jobs_queue (status=?)" in plan_of(database, *statements[0])
        assert "COVERING INDEX ix_jobs_queue" in plan_of(database, *statements[-1])
