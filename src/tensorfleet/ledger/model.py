"""Leases cut by time and added up, in whole numbers: however they are cut and grouped, the sums are the same.

Time is in microseconds, cores and GPUs in thousandths, memory in bytes, energy in microjoules, money in the smallest part that
a product of these can have; only what is shown is divided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

KINDS = ("useful", "idle", "lost", "hung", "running")
"""What the time of a lease was good for; of one whose attempt has not ended that is not known yet: `running`."""
_IN_ORDER = ("idle", "useful", "lost", "hung")
"""As these follow one another in a lease."""
SECOND = 10**6
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANO = 10**9
_COST_UNIT = 3600 * 10**24
"""Microseconds to hours, thousandths, bytes to gigabytes, and prices in billionths."""


def to_us(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True)
class HeldLease:
    """One lease, as it is stored.  `parts`: seconds idle, useful, lost and hung, when its attempt has ended."""

    token: int
    job_id: str
    job_name: str | None
    workspace: str
    algorithm: str | None
    worker_id: str
    worker_type: str | None
    granted_at: datetime
    released_at: datetime | None
    cpus: float
    gpus: float
    memory_bytes: int
    parts: tuple[float, float, float, float] | None = None
    cpu_used_s: float | None = None
    energy_j: float | None = None
    energy_how: str | None = None


@dataclass(frozen=True)
class Price:
    """Of one core, GPU and gigabyte (10^9 bytes) for an hour."""

    cpu_hour: float = 0.0
    gpu_hour: float = 0.0
    memory_gb_hour: float = 0.0


@dataclass(frozen=True)
class PriceBook:
    """`types`: by the type of the worker, where it has prices of its own."""

    currency: str = ""
    default: Price = Price()
    types: Mapping[str, Price] = field(default_factory=dict)
    carbon_g_per_kwh: float = 0.0

    def of(self, worker_type: str | None) -> Price:
        return self.types.get(worker_type or "", self.default)

    @property
    def is_empty(self) -> bool:
        return all(price == Price() for price in (self.default, *self.types.values()))


class Amounts:
    """Sums over cut leases, each by kind."""

    def __init__(self) -> None:
        self.tokens: set[int] = set()
        self.time = dict.fromkeys(KINDS, 0)
        self.cpu = dict.fromkeys(KINDS, 0)
        self.gpu = dict.fromkeys(KINDS, 0)
        self.memory = dict.fromkeys(KINDS, 0)
        self.cost = dict.fromkeys(KINDS, 0)
        self.cpu_used = 0
        self.energy: dict[str, int] = {}

    @classmethod
    def summed(cls, parts: Iterable[Amounts]) -> Amounts:
        whole = cls()
        for part in parts:
            whole.tokens |= part.tokens
            whole.cpu_used += part.cpu_used
            for how, joules in part.energy.items():
                whole.energy[how] = whole.energy.get(how, 0) + joules
            for name in ("time", "cpu", "gpu", "memory", "cost"):
                into, more = getattr(whole, name), getattr(part, name)
                for kind in KINDS:
                    into[kind] += more[kind]
        return whole

    def held_s(self, kind: str) -> float:
        return self.time[kind] / SECOND

    def cpu_s(self, kind: str) -> float:
        return self.cpu[kind] / (1000 * SECOND)

    def gpu_s(self, kind: str) -> float:
        return self.gpu[kind] / (1000 * SECOND)

    def memory_gb_s(self, kind: str) -> float:
        return self.memory[kind] / (_NANO * SECOND)

    def money(self, kind: str) -> float:
        return money_of_cost(self.cost[kind])

    @property
    def total_cost(self) -> int:
        """In the smallest part that there is; `money_of_cost` makes money of it."""
        return sum(self.cost.values())

    @property
    def energy_j(self) -> float:
        return sum(self.energy.values()) / SECOND

    @property
    def energy_how(self) -> str | None:
        """How all of it is known; `mixed` when not all in one way, None when nothing is."""
        hows = set(self.energy)
        return None if not hows else next(iter(hows)) if len(hows) == 1 else "mixed"

    def add(self, lease: HeldLease, begin: int, end: int, now: int, book: PriceBook) -> bool:
        """Adds what of the lease lies from `begin` to before `end`; False when there is nothing."""
        granted, over = bounds(lease, now)
        at_once = granted == over and begin <= granted < end
        begin, end = max(begin, granted), min(end, over)
        if begin >= end and not at_once:
            return False
        self.tokens.add(lease.token)
        cpus, gpus = round(lease.cpus * 1000), round(lease.gpus * 1000)
        price = book.of(lease.worker_type)
        each_us = 10**6 * (cpus * round(price.cpu_hour * _NANO) + gpus * round(price.gpu_hour * _NANO))
        each_us += lease.memory_bytes * round(price.memory_gb_hour * _NANO)
        for kind, first, last in stretches(lease, now):
            span = min(last, end) - max(first, begin)
            if span > 0:
                self.time[kind] += span
                self.cpu[kind] += span * cpus
                self.gpu[kind] += span * gpus
                self.memory[kind] += span * lease.memory_bytes
                self.cost[kind] += span * each_us
        self._add_used(lease, begin - granted, end - granted, over - granted)
        return True

    def _add_used(self, lease: HeldLease, begin: int, end: int, whole: int) -> None:
        """Nobody knows when in a lease it was used: evenly.  A part is what there is up to its end less that up to its begin."""
        if lease.released_at is None:
            return
        self.cpu_used += _part(round((lease.cpu_used_s or 0.0) * SECOND), begin, end, whole)
        if lease.energy_j is not None:
            how = lease.energy_how or "estimated"
            joules = _part(round(lease.energy_j * SECOND), begin, end, whole)
            self.energy[how] = self.energy.get(how, 0) + joules


def money_of_cost(cost: int) -> float:
    return cost / _COST_UNIT


def _part(amount: int, begin: int, end: int, whole: int) -> int:
    return amount * end // whole - amount * begin // whole if whole else amount


def bounds(lease: HeldLease, now: int) -> tuple[int, int]:
    """From when to when it is counted; one in force up to now."""
    granted = to_us(lease.granted_at)
    return granted, max(granted, now if lease.released_at is None else to_us(lease.released_at))


def stretches(lease: HeldLease, now: int) -> Iterator[tuple[str, int, int]]:
    """`(kind, begin, end)`, one behind the other, from the lease's begin to its end: the last one takes what rounding leaves."""
    at, over = bounds(lease, now)
    if lease.parts is None or lease.released_at is None:
        yield "running", at, over
        return
    for kind, seconds in zip(_IN_ORDER, lease.parts, strict=True):
        end = min(over, at + max(0, round(seconds * SECOND)))
        yield kind, at, end
        at = end
    yield kind_of_rest(lease), at, over


def kind_of_rest(lease: HeldLease) -> str:
    """The last part that there is, to which belongs what the others leave over."""
    parts = lease.parts or (0.0,) * 4
    return next((kind for kind, s in reversed(list(zip(_IN_ORDER, parts, strict=True))) if s > 0), "idle")
