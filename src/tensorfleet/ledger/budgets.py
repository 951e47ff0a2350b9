"""Whether workspaces keep within their budgets: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tensorfleet.kit.units import format_money

WARNED_EVENT, SPENT_EVENT = "budget.warned", "budget.spent"


@dataclass(frozen=True)
class Budget:
    monthly: float
    warn_at: float = 0.8
    stop: bool = True
    save_and_wait: bool = False


@dataclass(frozen=True)
class Standing:
    """How one workspace stands in the month that began at `since`."""

    workspace: str
    budget: Budget
    spent: float
    since: datetime

    @property
    def share(self) -> float:
        return self.spent / self.budget.monthly

    @property
    def over(self) -> bool:
        return self.spent >= self.budget.monthly

    @property
    def stops(self) -> bool:
        """Whether its jobs wait."""
        return self.over and self.budget.stop

    @property
    def event(self) -> str | None:
        """What is told of it, once a month."""
        if self.over:
            return SPENT_EVENT
        return WARNED_EVENT if self.share >= self.budget.warn_at else None

    def sentence(self, currency: str) -> str:
        anew = month_after(self.since)
        return (
            f"workspace {self.workspace} has spent {format_money(self.spent)} of its monthly budget of "
            f"{self.budget.monthly:g} {currency}; the next month begins on {anew:%Y-%m-%d} (UTC)"
        )

    def to_dict(self, currency: str) -> dict[str, Any]:
        return {
            "workspace": self.workspace,
            "month": f"{self.since:%Y-%m}",
            "spent": round(self.spent, 6),
            "monthly": self.budget.monthly,
            "share": round(self.share, 6),
            "warn_at": self.budget.warn_at,
            "stop": self.budget.stop,
            "over": self.over,
            "currency": currency,
        }


def month_of(now: datetime) -> datetime:
    """When this month began."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    return month_of(month + timedelta(days=31))
