"""Sealed records in columns of other slices' tables, for whoever replaces the platform's key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Column, select, update

from tensorfleet.adapters.database import Database
from tensorfleet.secrets.envelope import FORM
from tensorfleet.secrets.ports import SealedRow


class SealedColumn:
    """`SealedRows` of one column."""

    def __init__(
        self, database: Database, column: Column[Any], identity: Column[Any], context: Callable[[str], str]
    ) -> None:
        """`context` says what the record of an id is bound to."""
        self._database = database
        self._column = column
        self._identity = identity
        self._context = context

    def sealed_otherwise(self, key: str, after: str, limit: int) -> Sequence[SealedRow]:
        others = self._column.not_like(f"{FORM}.{key}.%")
        query = select(self._identity, self._column).where(others, self._identity > after)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(self._identity).limit(limit))
            return [SealedRow(ref, self._context(ref), sealed) for ref, sealed in found]

    def reseal(self, row: SealedRow, sealed: str, key: str) -> bool:
        same = (self._identity == row.ref) & (self._column == row.sealed)
        with self._database.begin() as connection:
            changed = update(self._column.table).where(same).values({self._column: sealed})
            return connection.execute(changed).rowcount > 0
