"""Statements that do not need each other's answers, sent together: one round trip to PostgreSQL for all of them.

SQLAlchemy has no face for this.  Its documented events let a statement that it has compiled be kept instead of sent; the last one
sends all of them through psycopg's pipeline, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Executable, event

Row = Mapping[str, Any]
_OPTION = "tensorfleet_together"


@dataclass(frozen=True)
class Statement:
    """What is to be run for each of `rows`, which have the same keys; once when there are none."""

    what: Executable
    rows: Sequence[Row] = ()


@dataclass
class _Batch:
    size: int
    kept: list[tuple[str, Sequence[Any]]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


def run_together(connection: Connection, statements: Sequence[Statement]) -> list[int]:
    """Runs statements that return no rows, in order; how many rows each of them changed.

    An INSERT has to be `inline()`: it may not ask for the keys that the database draws.

    Raises:
        sqlalchemy.exc.DBAPIError: one of them failed; the transaction has to be given up.
    """
    if connection.dialect.name != "postgresql":
        return [connection.execute(one.what, one.rows or None).rowcount for one in statements]
    batch = _Batch(len(statements))
    for one in statements:
        connection.execute(one.what, one.rows or None, execution_options={_OPTION: batch})
    return batch.counts


def keep_together(engine: Engine) -> None:
    """Prepares a PostgreSQL engine for `run_together`."""
    event.listen(engine, "do_execute", _keep_one)
    event.listen(engine, "do_executemany", _keep_many)


def _keep_one(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    return _keep_many(cursor, statement, [parameters], context)


def _keep_many(cursor: Any, statement: str, parameters: Sequence[Any], context: Any) -> bool:
    batch = context.execution_options.get(_OPTION)
    if batch is None:
        return False
    batch.kept.append((statement, parameters))
    if len(batch.kept) == batch.size:
        _send(cursor.connection, batch)
    return True


def _send(driver: Any, batch: _Batch) -> None:
    with driver.pipeline():
        cursors = [driver.cursor() for _ in batch.kept]
        for cursor, (text, rows) in zip(cursors, batch.kept, strict=True):
            cursor.execute(text, rows[0]) if len(rows) == 1 else cursor.executemany(text, rows)
    batch.counts = [cursor.rowcount for cursor in cursors]
