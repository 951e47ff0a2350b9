"""Whether anything has been committed to the database since a moment ago, for a few microseconds.

Two equal marks have the same data between them: no transaction became visible after the first was taken and before the second.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy.engine import make_url

from tensorfleet.adapters.database import Database

LOOK_S = 1.0
"""How long PostgreSQL may take to answer; a mark is no use if it takes longer than the work that it saves."""
REST_S = 2.0
"""How long nobody is asked after the database did not answer."""
Mark = object
_ONLY_ASKING: dict[str, Any] = {"uri": True, "timeout": 0, "isolation_level": None}


class Marks(Protocol):
    """For one event loop."""

    async def now(self) -> Mark | None:
        """What holds at a moment after the call; None where that cannot be told, which is equal to nothing."""
        ...

    async def aclose(self) -> None: ...


def marks_of(database: Database) -> Marks:
    return SqliteMarks(database.url) if database.is_sqlite else PostgresMarks(database.url)


class SqliteMarks:
    """By `PRAGMA data_version` of a connection that never writes: it changes with every commit of any other."""

    def __init__(self, url: str) -> None:
        self._uri = f"{Path(make_url(url).database or '').absolute().as_uri()}?mode=rw"
        self._connection: sqlite3.Connection | None = None
        self._serials = itertools.count()
        self._serial = 0  # versions of one connection are not to be compared with those of another
        self._again_at = 0.0

    async def now(self) -> Mark | None:
        try:
            if self._connection is None:
                if time.monotonic() < self._again_at:
                    return None
                self._connection = sqlite3.connect(self._uri, **_ONLY_ASKING)
                self._serial = next(self._serials)
            found: tuple[int] = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            await self.aclose()
            self._again_at = time.monotonic() + REST_S
            return None
        return self._serial, found[0]

    async def aclose(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresMarks:
    """By the snapshot: which transactions are visible.  All who ask while one question is under way share the next."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.AsyncConnection[tuple[str]] | None = None
        self._serials = itertools.count()
        self._serial = 0  # another connection may be to another server, which has lost what this one had
        self._again_at = 0.0
        self._next: asyncio.Future[Mark | None] | None = None
        self._work: asyncio.Task[None] | None = None

    async def now(self) -> Mark | None:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            if self._work is None:
                self._work = asyncio.create_task(self._answer())
        return await asyncio.shield(self._next)

    async def _answer(self) -> None:
        """What was committed while a question is under way may be missing in its answer: whoever comes then gets the next."""
        while self._next is not None:
            asked, self._next = self._next, None
            asked.set_result(await self._look())
        self._work = None

    async def _look(self) -> Mark | None:
        if time.monotonic() < self._again_at:
            return None
        try:
            async with asyncio.timeout(LOOK_S):
                if self._connection is None:
                    self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
                    self._serial = next(self._serials)
                cursor = await self._connection.execute("SELECT pg_current_snapshot()::text", prepare=True)
                found = await cursor.fetchone()
        except (psycopg.Error, OSError, TimeoutError):
            await self._hang_up()
            self._again_at = time.monotonic() + REST_S
            return None
        return None if found is None else (self._serial, found[0])

    async def _hang_up(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def aclose(self) -> None:
        if self._work is not None:
            await self._work
        await self._hang_up()
