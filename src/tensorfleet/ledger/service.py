"""What can be asked of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.clock import Clock, rfc3339
from tensorfleet.ledger.budgets import Budget, month_of
from tensorfleet.ledger.grouping import By, Row, group
from tensorfleet.ledger.model import Amounts, PriceBook, to_us
from tensorfleet.ledger.schemas import amounts_to_dict, lease_to_dict, money_of, row_to_dict
from tensorfleet.ledger.spending import Spending
from tensorfleet.ledger.store import SqlLedgerStore

MOST_LEASES = 1000


class Ledger:
    """`find_job` raises NotFound for a job that there is not."""

    def __init__(
        self,
        store: SqlLedgerStore,
        book: PriceBook,
        budgets: Mapping[str, Budget],
        find_job: Callable[[str], Any],
        clock: Clock,
    ) -> None:
        self._store = store
        self._book = book
        self._budgets = budgets
        self._find_job = find_job
        self._clock = clock

    def read(
        self,
        begin: datetime | None,
        end: datetime | None,
        workspace: str | None,
        by: By,
        limit: int,
        within: tuple[str, ...] | None = None,
    ) -> dict[str, Any]:
        """What was held between two instants (this month so far, if they are not said), in groups.

        Of one workspace, or of those `within`, or of all.
        The `limit` largest groups are named, or the latest days and months; `others` is the sum of the rest.

        Raises:
            InvalidInput: the end is not after the begin.
        """
        now = self._clock()
        begin, end = _in_utc(begin or month_of(now)), _in_utc(end or now)
        if begin >= end:
            raise InvalidInput(
                f"the ledger from {rfc3339(begin)} to {rfc3339(end)} is empty: to must be after from"
            )
        held = self._store.held_between(begin, end, within if workspace is None else (workspace,))
        rows, total = group(held, by, to_us(begin), to_us(end), to_us(now), self._book)
        shown, others = _largest(list(rows.values()), by, limit)
        if others:
            rest = Amounts.summed(row.amounts for row in others)
            more: dict[str, Any] | None = {"groups": len(others), **amounts_to_dict(rest, self._book)}
        else:
            more = None
        return {
            "from": rfc3339(begin),
            "to": rfc3339(end),
            "by": by.value,
            "workspace": workspace,
            **money_of(self._book),
            "items": [row_to_dict(row, self._book) for row in shown],
            "others": more,
            "total": amounts_to_dict(total, self._book),
        }

    def of_job(self, job_id: str) -> dict[str, Any]:
        """A job's leases, those of a deleted one as well.

        Raises:
            NotFound: there is no such job, and never was one that held a lease.
        """
        found = self._store.of_job(job_id)
        if not found:
            self._find_job(job_id)
        now = to_us(self._clock())
        total = Amounts()
        for lease in found:
            total.add(lease, 0, now + 1, now, self._book)
        return {
            "job_id": job_id,
            **money_of(self._book),
            "total": amounts_to_dict(total, self._book),
            "leases": [lease_to_dict(lease) for lease in found[:MOST_LEASES]],
        }

    def standings(self) -> list[dict[str, Any]]:
        """How the workspaces with budgets stand this month."""
        found = Spending(self._store, self._book, self._budgets).read(self._clock())
        return [standing.to_dict(self._book.currency) for standing in found]

    def over_budget(self) -> dict[str, str]:
        """Workspaces of which nothing starts, with the reason."""
        found = Spending(self._store, self._book, self._budgets).read(self._clock())
        return {one.workspace: one.sentence(self._book.currency) for one in found if one.stops}


def _largest(rows: list[Row], by: By, limit: int) -> tuple[list[Row], list[Row]]:
    if by.is_time:
        rows.sort(key=lambda row: row.key)
        return rows[-limit:], rows[:-limit]
    rows.sort(key=lambda row: (-row.amounts.total_cost, -sum(row.amounts.time.values()), row.key))
    return rows[:limit], rows[limit:]


def _in_utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
