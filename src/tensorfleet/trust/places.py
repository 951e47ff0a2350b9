"""Where an authority keeps its key and what it has given: a folder of the home, or the platform's PostgreSQL."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.kit.files import write_atomic
from tensorfleet.trust.identity import AUTHORITY_FILE

if TYPE_CHECKING:
    import psycopg

BUSY_S = 10.0
SCHEMA = "trust"
_LOCK = 7_236_003  # PostgreSQL's advisory lock: an authority is changed by one process at a time


class Connection(Protocol):
    """Of a transaction: `?` stands for a value."""

    def execute(self, query: str, values: Sequence[Any] = ..., /) -> Any: ...


class Place(Protocol):
    """Safe for several threads and processes."""

    def load(self) -> bytes | None:
        """The authority's state; None where there is none yet."""
        ...

    def save(self, state: bytes) -> None: ...

    def locked(self) -> AbstractContextManager[None]:
        """Held by who makes or changes the state."""
        ...

    def reading(self) -> AbstractContextManager[Connection]: ...

    def changing(self) -> AbstractContextManager[Connection]:
        """A transaction that nobody else writes beside; undone when it fails."""
        ...


class Folder:
    """A file that only its owner can read, and a small database beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ledger = folder / "ledger.db"
        if not self._ledger.exists():
            self._ledger.touch(mode=0o600)

    def load(self) -> bytes | None:
        path = self._folder / AUTHORITY_FILE
        return path.read_bytes() if path.exists() else None

    def save(self, state: bytes) -> None:
        write_atomic(self._folder / AUTHORITY_FILE, state, mode=0o600)

    @contextmanager
    def locked(self) -> Iterator[None]:
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with closing(sqlite3.connect(self._ledger, timeout=BUSY_S, isolation_level=None)) as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


class InDatabase:
    """A schema of the platform's PostgreSQL, so that every orchestrator is the authority; the key is sealed with `secret`.

    Raises:
        Unavailable: the database is away.
    """

    def __init__(self, url: str, secret: str) -> None:
        from cryptography.fernet import Fernet

        self._url = url
        digest = hashlib.sha256(b"tensorfleet authority\0" + secret.encode()).digest()
        self._seal = Fernet(urlsafe_b64encode(digest))
        with self._transaction() as connection:
            connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS authority (id INTEGER PRIMARY KEY, state TEXT NOT NULL)"
            )

    def load(self) -> bytes | None:
        from cryptography.fernet import InvalidToken

        with self.reading() as connection:
            found = connection.execute("SELECT state FROM authority WHERE id = 1").fetchone()
        try:
            return self._seal.decrypt(found[0].encode()) if found else None
        except InvalidToken as error:
            raise InvalidInput(
                "authority_secret is not the one with which the authority in this database was sealed; "
                "give the orchestrators that one, or drop the schema 'trust' and let everybody join again"
            ) from error

    def save(self, state: bytes) -> None:
        sealed = self._seal.encrypt(state).decode()
        query = "INSERT INTO authority VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state"
        with self.reading() as connection:
            connection.execute(query, (sealed,))

    def locked(self) -> AbstractContextManager[Any]:
        return self.changing()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        with self._transaction() as connection:
            connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        import psycopg

        try:
            with psycopg.connect(self._url, connect_timeout=int(BUSY_S)) as connection:
                connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
                yield _Questioned(connection)
        except psycopg.OperationalError as error:
            raise Unavailable(f"the authority's database cannot be reached: {error}") from error


class _Questioned:
    """psycopg's connection with the placeholders of SQLite."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, query: str, values: Sequence[Any] = ()) -> Any:
        # The texts are constants of this package.
        return self._connection.execute(query.replace("?", "%s").encode(), values)
