"""Who leads: one orchestrator (and one tuner) at a time, by a lease in the database that it renews.

Every change of the holder raises the term.  A leader checks its term inside each of its transactions, so one that was
stopped for a while and comes back after another took over cannot write any more.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leadership
from tensorfleet.errors import LostLead

ORCHESTRATOR = "orchestrator"


class SqlLeadership:
    """One candidate's side of the lease.

    Args:
        holder: names the candidate, the same after its restart: it then gets back at once what it held.
        lease_s: how long a leader that does not renew keeps the others out.
        name: what is led.
    """

    def __init__(self, database: Database, holder: str, lease_s: float, name: str = ORCHESTRATOR) -> None:
        self._database = database
        self.name = name
        self.holder = holder
        self.lease_s = lease_s
        self.term: int | None = None

    def acquire(self) -> bool:
        """Takes the lead if nobody holds it, with a new term."""
        with self._database.begin() as connection:
            now = self._now(connection)
            values = {"holder": self.holder, "expires_at": now + timedelta(seconds=self.lease_s)}
            found = (sqlite if self._database.is_sqlite else postgresql).insert(leadership)
            free = or_(
                leadership.c.holder == self.holder,
                leadership.c.expires_at < now,
                # Written by a clock that has been set back since: no lease reaches that far.
                leadership.c.expires_at > now + timedelta(seconds=10 * self.lease_s),
            )
            changed = {**values, "term": leadership.c.term + 1}
            upsert = found.values(name=self.name, term=1, **values).on_conflict_do_update(
                index_elements=["name"], set_=changed, where=free
            )
            self.term = connection.execute(upsert.returning(leadership.c.term)).scalar()
        return self.term is not None

    def renew(self) -> None:
        """Holds the lead for another `lease_s`.

        Raises:
            LostLead: another candidate has it now.
        """
        with self._database.begin() as connection:
            until = self._now(connection) + timedelta(seconds=self.lease_s)
            mine = (leadership.c.name == self.name) & (leadership.c.term == self.term)
            if connection.execute(update(leadership).where(mine).values(expires_at=until)).rowcount == 0:
                raise self._lost()

    def resign(self) -> None:
        """Lets the next candidate in at once."""
        with self._database.begin() as connection:
            mine = (leadership.c.name == self.name) & (leadership.c.term == self.term)
            connection.execute(
                update(leadership).where(mine).values(expires_at=self._now(connection) - timedelta(seconds=1))
            )

    def check(self, connection: Connection) -> None:
        """The fence, inside the transaction that is to be protected: until its end no other candidate can take the lead.

        Raises:
            LostLead: another candidate has it now; nothing may be written.
        """
        query = select(leadership.c.term).where(leadership.c.name == self.name).with_for_update(read=True)
        if connection.execute(query).scalar() != self.term:
            raise self._lost()

    def _now(self, connection: Connection) -> datetime:
        # All candidates go by the database's clock: theirs may differ.
        if self._database.is_sqlite:
            return datetime.fromtimestamp(time.time(), UTC)
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)

    def _lost(self) -> LostLead:
        return LostLead(f"{self.holder} does not lead any more; another {self.name} took over")
