"""The fault of a metadata store that is away: PostgreSQL is crashed and started again, SQLite is locked by somebody else."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from tensorfleet.testing.servers import PostgresServer, postgres_server


class Store(Protocol):
    """A metadata store that can be taken away; `url` is empty for the SQLite file of the home."""

    @property
    def url(self) -> str: ...

    async def away(self, seconds: float) -> None: ...


class SqliteStore:
    """The file of a home, held under a write lock for a while."""

    url = ""

    def __init__(self, path: str) -> None:
        self._path = path

    async def away(self, seconds: float) -> None:
        await asyncio.to_thread(self._hold, seconds)

    def _hold(self, seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")


class PostgresStore:
    """A server of its own, stopped as a crash does it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.url

    async def away(self, seconds: float) -> None:
        await asyncio.to_thread(self._server.crash)
        await asyncio.sleep(seconds)
        self._server.launch()
        await asyncio.to_thread(self._server.wait)


@asynccontextmanager
async def open_store(kind: str, sqlite_path: str) -> AsyncIterator[Store]:
    """`kind` is sqlite or postgresql."""
    if kind == "sqlite":
        yield SqliteStore(sqlite_path)
        return
    with postgres_server() as server:
        yield PostgresStore(server)
