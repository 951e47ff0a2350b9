"""One SQL database, SQLite or PostgreSQL, behind SQLAlchemy Core.

Connections are used from one thread at a time.  A transaction on SQLite takes the write lock when it begins
(`BEGIN IMMEDIATE`): two writers then queue instead of failing half-way.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.types import BigInteger, TypeDecorator

from tensorfleet.adapters.together import Statement, keep_together, run_together
from tensorfleet.errors import InvalidInput, StorageFull, Unavailable
from tensorfleet.kit.storable import from_json, to_json

PING_AFTER_S = 1.0
LOCK_WAIT_S = 15.0
"""How long a writer waits for SQLite's one write lock before it says that the store is away."""

# PostgreSQL advisory locks.
_EVENT_LOCK = 7_236_001  # event ids become visible in the order in which they were drawn
_SCHEMA_LOCK = 7_236_002  # the schema is made or changed by one process at a time
_AUDIT_LOCK = 7_236_004  # the audit log's chain has one end


class UtcTime(TypeDecorator[datetime]):
    """An instant, stored as microseconds since 1970 so that both databases sort and compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


class Herald(Protocol):
    """Tells other processes that the event log has grown."""

    def tell(self) -> None:
        """Called after each commit that appended to the log, in the thread that committed: returns at once, never fails."""
        ...

    def close(self) -> None: ...


class Database:
    """Hands out transactions and read connections; turns driver errors into ours."""

    def __init__(self, url: str, herald: Herald | None = None) -> None:
        self.url = url
        self._herald = herald
        self._appending: set[int] = set()  # connections whose transaction appends to the event log
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
        appended = False
        with _translated(), self.engine.begin() as connection:
            try:
                yield connection
            finally:
                appended = id(connection) in self._appending
                self._appending.discard(id(connection))
        if appended and self._herald is not None:
            self._herald.tell()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                yield connection.execution_options(tensorfleet_read=True)
            else:
                yield connection

    def lock_event_log(self, connection: Connection) -> None:
        """Held to the end of the transaction by whoever appends to the event log."""
        run_together(connection, self.locking_event_log(connection))

    def locking_event_log(self, connection: Connection) -> list[Statement]:
        """What `lock_event_log` runs, to be run by the caller in this transaction."""
        self._appending.add(id(connection))
        return self._lock(_EVENT_LOCK)

    def lock_schema(self, connection: Connection) -> None:
        """Held to the end of the transaction by whoever creates or upgrades tables."""
        run_together(connection, self._lock(_SCHEMA_LOCK))

    def lock_audit(self, connection: Connection) -> None:
        """Held to the end of the transaction by whoever appends to the audit log or drops from it."""
        run_together(connection, self._lock(_AUDIT_LOCK))

    def _lock(self, number: int) -> list[Statement]:
        """SQLite's write lock does it already."""
        return [] if self.is_sqlite else [Statement(text(f"SELECT pg_advisory_xact_lock({number})"))]

    def overwrite(self, connection: Connection) -> None:
        """What this connection deletes from now on is overwritten in SQLite's file, not only let go."""
        if self.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete=ON")

    def flush_log(self) -> None:
        """Has SQLite's write-ahead log end, in which pages lie as they were; later, while somebody reads."""
        if self.is_sqlite:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ping(self) -> None:
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        if self._herald is not None:
            self._herald.close()
        self.engine.dispose()


def _create_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # which may name a part of it, and so of a password
        raise InvalidInput(
            "database_url is not a database URL; write sqlite:////path/file.db or postgresql://user@host/name"
        ) from None
    if parsed.get_backend_name() == "sqlite":
        # One pooled connection a thread of use; `isolation_level=None` leaves BEGIN to us.
        engine = create_engine(
            parsed,
            json_serializer=to_json,
            json_deserializer=from_json,
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=16,
            connect_args={
                "timeout": LOCK_WAIT_S,
                "isolation_level": None,
                "check_same_thread": False,
                "cached_statements": 256,
            },
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            json_serializer=to_json,
            json_deserializer=from_json,
            pool_size=4,
            max_overflow=16,
        )
        event.listen(engine, "checkin", _note_rest)
        event.listen(engine, "checkout", partial(_ping_rested, engine))
        keep_together(engine)
        return engine
    raise InvalidInput(
        f"database_url: {parsed.get_backend_name()} is not supported; use SQLite or PostgreSQL"
    )


def _note_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


def _ping_rested(engine: Engine, connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Tries a connection that nobody has used for a while (the server may have gone), without a round trip for all others."""
    if time.monotonic() - record.info.get("rests_since", time.monotonic()) < PING_AFTER_S:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error  # the pool then makes a new one


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # FULL: an acknowledged write survives a power cut, not only a killed process.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={LOCK_WAIT_S * 1000:.0f}",
        "cache_size=-8000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("tensorfleet_read", False)
    if reads:
        connection.exec_driver_sql("BEGIN")
    else:
        _take_write_lock(connection)


def _take_write_lock(connection: Connection) -> None:
    """Asks every millisecond or two.  SQLite's own waiting grows to 100 ms between two tries, and then a busy writer that comes
    back at once always wins against one that has waited for long."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA busy_timeout=0")
    try:
        deadline = time.monotonic() + LOCK_WAIT_S
        while time.monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    break
            else:
                return
            time.sleep(random.uniform(0.0005, 0.002))  # noqa: S311 - so that two who wait do not keep in step
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # for the last time; its error is told as any other's
    finally:
        driver.execute(f"PRAGMA busy_timeout={LOCK_WAIT_S * 1000:.0f}")


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
