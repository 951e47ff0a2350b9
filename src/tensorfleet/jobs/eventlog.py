"""The append-only log of what happened, in SQL: everything live (streams, metrics, logs, MLflow) is a reader of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import cursors, events
from tensorfleet.adapters.together import Statement, run_together
from tensorfleet.jobs.model import Event, NewEvent

_INSERT = insert(events).inline()
_NEWEST = select(func.coalesce(func.max(events.c.id), 0))


class SqlEventLog:
    """Readers pass the last id that they have seen and get what came after it, in order and without gaps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, connection: Connection, new: Sequence[NewEvent]) -> None:
        """Adds entries inside the caller's transaction; ids become visible in the order in which they were drawn."""
        run_together(connection, self.appending(connection, new))

    def appending(self, connection: Connection, new: Sequence[NewEvent]) -> list[Statement]:
        """What `append` runs, to be run by the caller in this transaction."""
        if not new:
            return []
        rows = [
            {"job_id": event.job_id, "kind": event.kind, "at": event.at, "data": event.data} for event in new
        ]
        return [*self._database.locking_event_log(connection), Statement(_INSERT, rows)]

    def read_after(
        self,
        position: int,
        limit: int = 500,
        job_id: str | None = None,
        kinds: Sequence[str] | None = None,
    ) -> list[Event]:
        query = select(events).where(events.c.id > position).order_by(events.c.id).limit(limit)
        if job_id is not None:
            query = query.where(events.c.job_id == job_id)
        if kinds is not None:
            query = query.where(events.c.kind.in_(kinds))
        with self._database.read() as connection:
            return [
                Event(row.id, row.job_id, row.kind, row.at, row.data) for row in connection.execute(query)
            ]

    def read_last(self, job_id: str | None, kind: str, limit: int) -> list[Event]:
        """The newest `limit` entries of one kind of one job (None: of none), oldest first."""
        query = (
            select(events)
            .where(events.c.job_id == job_id, events.c.kind == kind)
            .order_by(events.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            found = [
                Event(row.id, row.job_id, row.kind, row.at, row.data) for row in connection.execute(query)
            ]
        return found[::-1]

    def find_after(self, position: int, kinds: Sequence[str], within: int) -> Event | None:
        """The first entry of these kinds among the `within` entries after `position`."""
        query = (
            select(events)
            .where(events.c.id > position, events.c.id <= position + within, events.c.kind.in_(kinds))
            .order_by(events.c.id)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return Event(row.id, row.job_id, row.kind, row.at, row.data) if row else None

    def last_id(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(_NEWEST).scalar_one())

    def cursor(self, name: str) -> int:
        """How far the reader called `name` has come; 0 when it never read."""
        with self._database.read() as connection:
            return int(
                connection.execute(select(cursors.c.position).where(cursors.c.name == name)).scalar() or 0
            )

    def save_cursor(self, name: str, position: int) -> None:
        upsert = (sqlite if self._database.is_sqlite else postgresql).insert(cursors)
        upsert = upsert.values(name=name, position=position)
        changed = {"position": upsert.excluded.position}
        with self._database.begin() as connection:
            connection.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=changed))

    def delete_job(self, connection: Connection, job_id: str) -> None:
        connection.execute(delete(events).where(events.c.job_id == job_id))
