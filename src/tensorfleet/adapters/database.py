"""One SQL database, SQLite or PostgreSQL, behind SQLAlchemy Core.

Connections are used from one thread at a time.  A transaction on SQLite takes the write lock when it begins
(`BEGIN IMMEDIATE`): two writers then queue instead of failing half-way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import BigInteger, TypeDecorator

from tensorfleet.errors import InvalidInput, StorageFull, Unavailable
from tensorfleet.kit.storable import to_json

# PostgreSQL advisory locks.
_EVENT_LOCK = 7_236_001  # event ids become visible in the order in which they were drawn
_SCHEMA_LOCK = 7_236_002  # the schema is made or changed by one process at a time


class UtcTime(TypeDecorator[datetime]):
    """An instant, stored as microseconds since 1970 so that both databases sort and compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


class Database:
    """Hands out transactions and read connections; turns driver errors into ours."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _create_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: committed at the end, rolled back when the body raises.

        Raises:
            Unavailable: the database cannot be reached or stayed locked.
            StorageFull: its disk is full.
            InvalidInput: a value that no column can hold (a NUL in PostgreSQL's text, half a surrogate pair).
        """
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                yield connection.execution_options(tensorfleet_read=True)
            else:
                yield connection

    def lock_event_log(self, connection: Connection) -> None:
        """Held to the end of the transaction by whoever appends to the event log (SQLite's write lock does it already)."""
        self._lock(connection, _EVENT_LOCK)

    def lock_schema(self, connection: Connection) -> None:
        """Held to the end of the transaction by whoever creates or upgrades tables."""
        self._lock(connection, _SCHEMA_LOCK)

    def _lock(self, connection: Connection, number: int) -> None:
        if not self.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({number})"))

    def ping(self) -> None:
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self.engine.dispose()


def _create_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(
            "database_url is not a database URL; write sqlite:////path/file.db or postgresql://user@host/name"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        # One pooled connection a thread of use; `isolation_level=None` leaves BEGIN to us.
        engine = create_engine(
            parsed,
            json_serializer=to_json,
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=16,
            connect_args={
                "timeout": 15.0,
                "isolation_level": None,
                "check_same_thread": False,
                "cached_statements": 256,
            },
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            json_serializer=to_json,
            pool_size=4,
            max_overflow=16,
            pool_pre_ping=True,
        )
    raise InvalidInput(
        f"database_url: {parsed.get_backend_name()} is not supported; use SQLite or PostgreSQL"
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # FULL: an acknowledged write survives a power cut, not only a killed process.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "cache_size=-8000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("tensorfleet_read", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        message = str(error.orig)
        if "disk is full" in message or "No space left" in message:
            raise StorageFull(f"the metadata store has no space left: {message}") from error
        raise Unavailable(f"the metadata store does not answer: {message.strip().splitlines()[0]}") from error
    except PoolTimeoutError as error:
        raise Unavailable(
            "all connections to the metadata store are busy; the call can be repeated"
        ) from error
    except (DataError, UnicodeEncodeError, OverflowError) as error:
        what = str(error).splitlines()[0][:200]
        raise InvalidInput(
            f"the metadata store cannot hold this value ({what}); leave out NUL, half characters and numbers over 64 bits"
        ) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("the metadata store closed the connection; the call can be repeated") from error
        raise
