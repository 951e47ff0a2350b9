"""Marks: equal ones have the same data between them, on each database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.marks import Marks, PostgresMarks, SqliteMarks, marks_of
from tensorfleet.testing.servers import postgres


@pytest.fixture
async def marks(empty_database: Database) -> AsyncIterator[Marks]:
    with empty_database.begin() as connection:
        connection.execute(text("CREATE TABLE counts (n INTEGER)"))
        connection.execute(text("INSERT INTO counts VALUES (0)"))
    found = marks_of(empty_database)
    yield found
    await found.aclose()


def count(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE counts SET n = n + 1"))


def counted(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(text("SELECT n FROM counts")).scalar_one())


async def test_nothing_changes_while_nothing_is_committed(empty_database: Database, marks: Marks) -> None:
    first = await marks.now()
    assert first is not None
    for _ in range(20):
        counted(empty_database)
        assert await marks.now() == first


async def test_each_commit_changes_it(empty_database: Database, marks: Marks, database_url: str) -> None:
    other = Database(database_url)
    seen = [await marks.now()]
    for number in range(40):
        count(other if number % 2 else empty_database)
        seen.append(await marks.now())
    assert len(set(seen)) == 41
    other.close()


async def test_what_is_open_when_the_mark_is_taken_is_not_missed(
    empty_database: Database, marks: Marks
) -> None:
    with empty_database.begin() as connection:
        connection.execute(text("UPDATE counts SET n = n + 1"))
        during = await marks.now()
    assert await marks.now() != during


async def test_equal_marks_have_the_same_data_between_them(
    empty_database: Database, marks: Marks, database_url: str
) -> None:
    """Readers who keep what they read by its mark, as the gateway does, beside a writer who never rests."""
    other, kept, stop = Database(database_url), dict[object, int](), asyncio.Event()
    recalled = 0

    async def write() -> None:
        for _ in range(300):
            await asyncio.to_thread(count, other)
            await asyncio.sleep(0.001)
        stop.set()

    async def read() -> None:
        nonlocal recalled
        while not stop.is_set():
            before = await asyncio.to_thread(counted, empty_database)
            mark = await marks.now()
            if mark in kept:
                recalled += 1
                assert kept[mark] >= before, "older than what was seen before the question"
            else:
                kept[mark] = await asyncio.to_thread(counted, empty_database)

    await asyncio.gather(write(), *(read() for _ in range(4)))
    assert recalled > 10, "some of it was read by its mark"
    other.close()


async def test_a_question_that_is_under_way_is_not_shared(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer may be from before what the second caller has seen committed.  (SQLite answers at once.)"""
    marks = PostgresMarks(postgres_server)
    look, looked = marks._look, asyncio.Event()

    async def slow_look() -> object | None:
        found = await look()
        looked.set()
        await asyncio.sleep(0.1)
        return found

    monkeypatch.setattr(marks, "_look", slow_look)
    first = asyncio.create_task(marks.now())
    await looked.wait()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("SELECT pg_current_xact_id()")  # a transaction of its own, committed
    assert await marks.now() != await first
    await marks.aclose()


async def test_a_caller_who_leaves_takes_nobody_along(marks: Marks) -> None:
    leaving = asyncio.create_task(marks.now())
    staying = [asyncio.create_task(marks.now()) for _ in range(3)]
    await asyncio.sleep(0)
    leaving.cancel()
    assert len(set(await asyncio.gather(*staying))) == 1
    assert await marks.now() is not None


async def test_a_database_that_is_not_there_has_no_mark(tmp_path: Path) -> None:
    for marks in (
        SqliteMarks(f"sqlite:///{tmp_path / 'none.db'}"),
        PostgresMarks("postgresql://nobody@127.0.0.1:1/none"),
    ):
        assert await marks.now() is None
        assert await marks.now() is None
        await marks.aclose()
    assert not (tmp_path / "none.db").exists(), "asking makes no database"


async def test_marks_of_two_connections_are_never_equal(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    sqlite3.connect(path).close()
    marks = SqliteMarks(f"sqlite:///{path}")
    first = await marks.now()
    await marks.aclose()
    assert first is not None
    assert await marks.now() != first
    await marks.aclose()


async def test_a_server_that_was_started_again_has_other_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorfleet.adapters.marks.REST_S", 0.0)
    with postgres() as url:
        marks = PostgresMarks(url)
        first = await marks.now()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
        assert await marks.now() is None, "its connection has gone"
        again = await marks.now()
        assert again is not None
        assert again != first
        await marks.aclose()
