"""What the time under a lease was good for: a pure split of it, made when its attempt ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Split:
    """Seconds of one lease; together they are exactly as long as it was held.

    Attributes:
        idle_s: before its task ran.
        useful_s: of work that counts: up to the end of an attempt that completed, else up to its newest checkpoint.
        lost_s: of work that has to be done again.
        hung_s: without any progress, in an attempt that was stopped because of that.
    """

    idle_s: float
    useful_s: float
    lost_s: float
    hung_s: float

    @property
    def total_s(self) -> float:
        return self.idle_s + self.useful_s + self.lost_s + self.hung_s


def split(
    granted_at: datetime,
    started_at: datetime | None,
    released_at: datetime,
    *,
    completed: bool,
    kept_until: datetime | None = None,
    hung_since: datetime | None = None,
) -> Split:
    """Divides the time of a lease.

    Args:
        started_at: when its task ran; None when it never did.
        completed: its attempt came to its end.
        kept_until: the attempt's newest checkpoint, of one that did not.
        hung_since: its last sign of progress, when it was stopped because there was none.
    """
    end = max(released_at, granted_at)
    started = _within(granted_at, started_at or end, end)
    kept = end if completed else _within(started, kept_until or started, end)
    hung = _within(kept, hung_since or end, end)
    return Split(
        _between(granted_at, started), _between(started, kept), _between(kept, hung), _between(hung, end)
    )


def _within(earliest: datetime, at: datetime, latest: datetime) -> datetime:
    """Clocks differ: no instant lies outside of the lease."""
    return min(max(at, earliest), latest)


def _between(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()
