"""Times of the week at which the minimum is higher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

ALL_DAYS = frozenset(range(7))


@dataclass(frozen=True)
class Window:
    """From `begin` to `end` (minutes after midnight, where the zone is) on these days; it may reach into the next day.

    Attributes:
        days: 0 is Monday; the day on which it begins.
        least: the minimum while it is open.
    """

    least: int
    begin: int = 0
    end: int = 24 * 60
    days: frozenset[int] = ALL_DAYS
    zone: tzinfo = UTC

    def holds(self, now: datetime) -> bool:
        there = now.astimezone(self.zone)
        minute = there.hour * 60 + there.minute
        today = there.weekday()
        if self.begin < self.end:
            return today in self.days and self.begin <= minute < self.end
        # Over midnight: the morning belongs to the day before.
        return (today in self.days and minute >= self.begin) or (
            (today - 1) % 7 in self.days and minute < self.end
        )
