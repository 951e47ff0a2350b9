"""Leases by job, workspace, algorithm, worker type, day or month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tensorfleet.ledger.model import DAY, Amounts, HeldLease, PriceBook, bounds, from_us, to_us

UNKNOWN = "unknown"


class By(StrEnum):
    JOB = "job"
    WORKSPACE = "workspace"
    DAY = "day"
    MONTH = "month"
    ALGORITHM = "algorithm"
    WORKER_TYPE = "worker_type"

    @property
    def is_time(self) -> bool:
        return self in (By.DAY, By.MONTH)


@dataclass
class Row:
    """One group.  `name`: of the job, by which people know it."""

    key: str
    name: str | None = None
    amounts: Amounts = field(default_factory=Amounts)


_KEYS: Mapping[By, Callable[[HeldLease], str]] = {
    By.JOB: lambda lease: lease.job_id,
    By.WORKSPACE: lambda lease: lease.workspace,
    By.ALGORITHM: lambda lease: lease.algorithm or UNKNOWN,
    By.WORKER_TYPE: lambda lease: lease.worker_type or "default",
}


def group(
    leases: Iterable[HeldLease], by: By, begin: int, end: int, now: int, book: PriceBook
) -> tuple[dict[str, Row], Amounts]:
    """The groups between two instants, and the sum over all leases."""
    rows: dict[str, Row] = {}
    total = Amounts()
    for lease in leases:
        if not total.add(lease, begin, end, now, book):
            continue
        for key, first, last in _pieces(lease, by, begin, end, now):
            row = rows.get(key) or rows.setdefault(key, Row(key))
            row.amounts.add(lease, first, last, now, book)
            if by is By.JOB:
                row.name = lease.job_name
    return rows, total


def _pieces(lease: HeldLease, by: By, begin: int, end: int, now: int) -> Iterator[tuple[str, int, int]]:
    """The groups that a lease belongs to, and from when to when to each."""
    if not by.is_time:
        yield _KEYS[by](lease), begin, end
        return
    granted, over = bounds(lease, now)
    at, end = max(begin, granted), min(end, max(over, granted + 1))
    while at < end:
        upto = min(end, _next(by, at))
        yield f"{from_us(at):%Y-%m-%d}" if by is By.DAY else f"{from_us(at):%Y-%m}", at, upto
        at = upto


def _next(by: By, at: int) -> int:
    """When the next day, or month, begins, in UTC."""
    if by is By.DAY:
        return (at // DAY + 1) * DAY
    first = from_us(at).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return to_us(first) + monthrange(first.year, first.month)[1] * DAY
