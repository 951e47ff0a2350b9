"""How parts of the platform are, as the process that uses them tells all others; and who leads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import conditions, leadership
from tensorfleet.fleet.leadership import ORCHESTRATOR

LAUNCHER = "launcher"


@dataclass(frozen=True)
class Condition:
    """One part: `ok` or `away` since then; `detail` says why, as one sentence."""

    name: str
    status: str
    since: datetime
    detail: str | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True)
class Leader:
    """Who leads the orchestrators, or led last; the lead ends at `expires_at` unless it is renewed."""

    holder: str
    term: int
    expires_at: datetime


class SqlConditions:
    """A row for each part; the newest report replaces the one before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, condition: Condition) -> None:
        values = {
            "name": condition.name,
            "status": condition.status,
            "since": condition.since,
            "detail": condition.detail,
            "next_try_at": condition.next_try_at,
        }
        upsert = (sqlite if self._database.is_sqlite else postgresql).insert(conditions).values(**values)
        with self._database.begin() as connection:
            connection.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=values))

    def find(self, name: str) -> Condition | None:
        with self._database.read() as connection:
            row = connection.execute(select(conditions).where(conditions.c.name == name)).one_or_none()
        return Condition(row.name, row.status, row.since, row.detail, row.next_try_at) if row else None

    def find_leader(self) -> Leader | None:
        with self._database.read() as connection:
            mine = leadership.c.name == ORCHESTRATOR
            row = connection.execute(select(leadership).where(mine)).one_or_none()
        return Leader(row.holder, row.term, row.expires_at) if row else None
