"""What the autoscaler remembers and last said, in SQL, with its entries of the event log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import scaling
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent

EVENT = "fleet.scaled"
_NAME = "fleet"


class SqlScalingStore:
    """One row: the leader writes it, everybody may read it."""

    def __init__(self, database: Database, log: SqlEventLog) -> None:
        self._database = database
        self._log = log

    def save(
        self,
        at: datetime,
        memory: dict[str, Any],
        state: dict[str, Any],
        event: dict[str, Any] | None,
        check: Callable[[Connection], None],
    ) -> None:
        """Replaces the row and appends the event, if there is one, in one transaction.

        Args:
            check: raises inside the transaction when the caller does not lead any more.
        """
        values = {"name": _NAME, "at": at, "memory": memory, "state": state}
        upsert = (sqlite if self._database.is_sqlite else postgresql).insert(scaling).values(**values)
        with self._database.begin() as connection:
            check(connection)
            connection.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=values))
            if event is not None:
                self._log.append(connection, [NewEvent(EVENT, at, event)])

    def note(self, at: datetime, event: dict[str, Any], check: Callable[[Connection], None]) -> None:
        """Appends a decision that nothing has to be remembered of."""
        with self._database.begin() as connection:
            check(connection)
            self._log.append(connection, [NewEvent(EVENT, at, event)])

    def find_memory(self) -> dict[str, Any] | None:
        with self._database.read() as connection:
            return connection.execute(select(scaling.c.memory).where(scaling.c.name == _NAME)).scalar()

    def find_state(self) -> tuple[datetime, dict[str, Any]] | None:
        with self._database.read() as connection:
            query = select(scaling.c.at, scaling.c.state).where(scaling.c.name == _NAME)
            row = connection.execute(query).one_or_none()
        return (row.at, row.state) if row else None

    def decisions(self, limit: int) -> list[tuple[datetime, dict[str, Any]]]:
        """The latest that changed something, newest first."""
        return [(event.at, event.data) for event in reversed(self._log.read_last(None, EVENT, limit))]
