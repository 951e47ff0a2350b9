"""What a lease was good for: a pure split of its time, made when its attempt ends, and what its task used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from tensorfleet.jobs.model import Usage
from tensorfleet.kit.energy import USE_WHEN_UNKNOWN, estimated_j

ENERGY_HOW = ("measured", "mixed", "estimated")
"""`mixed`: that of the GPUs is measured, that of the CPUs estimated."""
MOST_CORES = 4096
MOST_WATTS = 1e6
"""No worker has more, so a report of more is wrong."""


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


def parse_usage(data: Any) -> Usage | None:
    """An agent's report; None when it makes no sense."""
    if not isinstance(data, dict):
        return None
    cpu_s, energy_j, how = data.get("cpu_s"), data.get("energy_j"), data.get("energy_how")
    if not _is_amount(energy_j) or how not in ENERGY_HOW or not (cpu_s is None or _is_amount(cpu_s)):
        return None
    return Usage(None if cpu_s is None else float(cpu_s), float(energy_j), how)


def _is_amount(value: Any) -> TypeGuard[float]:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return known and 0 <= value < 1e15  # which no NaN is


def used(told: Usage | None, ran_s: float, cpus: float, memory_bytes: int) -> Usage:
    """What a task has used: as it was told, if that is possible at all, else an estimate from what it was given.

    Args:
        ran_s: how long it ran.
    """
    ran_s = max(0.0, ran_s)
    most_s = ran_s + 60.0  # clocks differ
    if (
        told is not None
        and told.energy_j <= most_s * MOST_WATTS
        and (told.cpu_s or 0.0) <= most_s * MOST_CORES
    ):
        return told
    return Usage(None, estimated_j(ran_s * cpus * USE_WHEN_UNKNOWN, memory_bytes, ran_s), "estimated")


def _within(earliest: datetime, at: datetime, latest: datetime) -> datetime:
    """Clocks differ: no instant lies outside of the lease."""
    return min(max(at, earliest), latest)


def _between(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()
