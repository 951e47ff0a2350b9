"""What workspaces have spent this month, kept up to date: leases that are over are read once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tensorfleet.ledger.budgets import Budget, Standing, month_of
from tensorfleet.ledger.grouping import By, group
from tensorfleet.ledger.model import HeldLease, PriceBook, money_of_cost, to_us
from tensorfleet.ledger.store import SqlLedgerStore


class Spending:
    """Each `read` costs as much as leases were in force since the one before."""

    def __init__(self, store: SqlLedgerStore, book: PriceBook, budgets: Mapping[str, Budget]) -> None:
        self._store = store
        self._book = book
        self._budgets = budgets
        self._month = self._upto = datetime.fromtimestamp(0, UTC)
        self._settled: dict[str, int] = {}

    def read(self, now: datetime) -> list[Standing]:
        """`now` must not be before what was written last, nor go back from call to call."""
        month = month_of(now)
        if month != self._month:
            self._month, self._settled, self._upto = month, {}, month
        found = list(self._store.held_between(self._upto, now, self._budgets.keys())) if self._budgets else []
        over = [lease for lease in found if lease.released_at is not None and lease.released_at < now]
        for name, cost in self._cost(over, now).items():
            self._settled[name] = self._settled.get(name, 0) + cost
        self._upto = now
        current = self._cost([one for one in found if one.released_at is None or one.released_at >= now], now)
        return [
            Standing(name, budget, money_of_cost(self._settled.get(name, 0) + current.get(name, 0)), month)
            for name, budget in sorted(self._budgets.items())
        ]

    def _cost(self, leases: list[HeldLease], now: datetime) -> dict[str, int]:
        begin, end = to_us(month_of(now)), to_us(now)
        rows, _ = group(leases, By.WORKSPACE, begin, end, end, self._book)
        return {name: row.amounts.total_cost for name, row in rows.items()}
