"""The people's keys in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import persons, secrets

_NAMED = (secrets.c.created_by, secrets.c.updated_by)
"""Where a table says by name who did something."""


class SqlPersonStore:
    """`PersonStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._upsert = sqlite.insert if database.is_sqlite else postgresql.insert

    def keys(self, people: Iterable[str]) -> Mapping[str, str | None]:
        known = or_(persons.c.key.is_not(None), persons.c.erased_at.is_not(None))
        query = select(persons.c.id, persons.c.key).where(persons.c.id.in_(set(people)), known)
        with self._database.read() as connection:
            return {row.id: row.key for row in connection.execute(query)}

    def add(self, person: str, key: str, now: datetime) -> None:
        row = self._upsert(persons).values(id=person, key=key, created_at=now)
        bare = persons.c.key.is_(None) & persons.c.erased_at.is_(None)
        row = row.on_conflict_do_update(index_elements=["id"], set_={"key": key}, where=bare)
        with self._database.begin() as connection:
            connection.execute(row)

    def name(self, person: str, mark: str, now: datetime) -> None:
        row = self._upsert(persons).values(id=person, name_mark=mark, created_at=now)
        row = row.on_conflict_do_update(
            index_elements=["id"], set_={"name_mark": mark}, where=persons.c.erased_at.is_(None)
        )
        with self._database.begin() as connection:
            connection.execute(row)

    def named(self, mark: str) -> str | None:
        query = select(persons.c.id).where(persons.c.name_mark == mark).order_by(persons.c.id.desc()).limit(1)
        with self._database.read() as connection:
            return connection.scalar(query)

    def erase(self, person: str, name: str | None, now: datetime) -> bool:
        gone = {"key": None, "name_mark": None, "erased_at": now}
        with self._database.begin() as connection:
            self._database.overwrite(connection)
            row = self._upsert(persons).values(id=person, created_at=now, **gone)
            row = row.on_conflict_do_update(
                index_elements=["id"], set_=gone, where=persons.c.erased_at.is_(None)
            )
            done = connection.execute(row.returning(persons.c.id)).first() is not None
            for column in _NAMED if name is not None else ():
                connection.execute(update(secrets).where(column == name).values({column: person}))
        self._database.flush_log()
        return done
