"""Which new workers hold what waits: the cheapest that fit, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tensorfleet.fleet.ports import WorkerType
from tensorfleet.scaling.model import Limits, Size
from tensorfleet.scheduling.model import Demand, WaitingJob, WorkerView
from tensorfleet.scheduling.room import capacity, times

PLENTY = 1e6
"""CPUs of a worker that has what its machine has, as long as none of its kind was seen; its bytes of memory by the million."""


def size_of(kind: WorkerType, seen: Mapping[str, Size]) -> Size:
    """What an agent of this type has: as it was declared, else as one was that joined."""
    known = seen.get(kind.name)
    if known is not None:
        return known
    cpus = max(kind.cpus, float(kind.slots)) if kind.cpus else PLENTY
    memory_bytes = kind.memory_bytes or int(PLENTY * 1e6)
    return Size(kind.slots, cpus, kind.gpus, memory_bytes)


def holds(size: Size | WorkerView, demand: Demand) -> int:
    """How many ranks of this demand an empty worker holds."""
    return times(demand, size.slots, size.cpus, size.gpus, size.memory_bytes)


@dataclass
class Shop:
    """The types of workers, how many of each are there already, and what may be added.

    Attributes:
        total: all workers, launched or not.
        unlaunched: the workers that no launcher can change; "" counts them.
        spot_allowed: False for a while after the loss of a spot worker.
    """

    types: tuple[WorkerType, ...]
    sizes: Mapping[str, Size]
    most: int
    counts: dict[str, int]
    total: int
    unlaunched: tuple[WorkerView, ...] = ()
    spot_share: float = 1.0
    spot_allowed: bool = True

    def copy(self) -> Shop:
        return Shop(
            self.types,
            self.sizes,
            self.most,
            dict(self.counts),
            self.total,
            self.unlaunched,
            self.spot_share,
            self.spot_allowed,
        )

    def choose(self, demand: Demand, count: int) -> WorkerType | None:
        """The type that is cheapest for each of the ranks that it would take; None when none may be added that fits."""
        if self.total >= self.most:
            return None
        fitting, steady = self._fitting(demand)
        open_ones = [
            kind
            for kind in fitting
            if self.below_most(kind) and (not kind.spot or not steady or self._spot_open())
        ]

        def price(kind: WorkerType) -> tuple[float, float]:
            taken = min(count, holds(self.sizes[kind.name], demand))
            return kind.cost_per_hour / taken, kind.slots / taken

        return min(open_ones, key=price, default=None)

    def add(self, kind: WorkerType) -> None:
        self.counts[kind.name] = self.counts.get(kind.name, 0) + 1
        self.total += 1

    def ever(self, demand: Demand) -> int:
        """How many such ranks the largest fleet that is allowed could hold at once."""
        left = max(0, self.most - self.counts.get("", 0))
        fitting, steady = self._fitting(demand)
        most_spot = int(left * self.spot_share) if steady else left
        found = capacity(demand, self.unlaunched)
        for kind in sorted(fitting, key=lambda kind: -holds(self.sizes[kind.name], demand)):
            count = min(left, most_spot if kind.spot else left, left if kind.most is None else kind.most)
            found += count * holds(self.sizes[kind.name], demand)
            left -= count
        return found

    def _fitting(self, demand: Demand) -> tuple[list[WorkerType], bool]:
        """The types that hold such a rank, and whether there is one among them that is not spot."""
        fitting = [kind for kind in self.types if holds(self.sizes[kind.name], demand)]
        return fitting, any(not kind.spot for kind in fitting)

    def below_most(self, kind: WorkerType) -> bool:
        return kind.most is None or self.counts.get(kind.name, 0) < kind.most

    def _spot_open(self) -> bool:
        launched = self.total - self.counts.get("", 0)
        spot = sum(self.counts.get(kind.name, 0) for kind in self.types if kind.spot)
        return self.spot_allowed and spot + 1 <= self.spot_share * (launched + 1)


def largest_fleet(limits: Limits, unlaunched: Iterable[WorkerView]) -> Shop:
    """An empty fleet that may grow to its limits beside these workers."""
    others = tuple(unlaunched)
    sizes = {kind.name: size_of(kind, {}) for kind in limits.types}
    return Shop(limits.types, sizes, limits.most, {"": len(others)}, len(others), others, limits.spot_share)


class Packing:
    """Puts jobs where there is room, and opens new workers for what finds none."""

    def __init__(self, shop: Shop, free: Iterable[Iterable[float]]) -> None:
        self.shop = shop
        self.opened: list[WorkerType] = []
        self._free = [list(amounts) for amounts in free]

    def add(self, job: WaitingJob, allowed: int) -> list[WorkerType] | None:
        """The workers that the job needs beside what is free; None when so many may not be added.

        An elastic job gets what it wants, or what there may be of it.
        """
        for count in dict.fromkeys((min(job.workers, allowed), job.min_workers)):
            trial = Packing(self.shop.copy(), self._free)
            if trial.place(job.demand, count):
                self.shop, self._free = trial.shop, trial._free
                self.opened += trial.opened
                return trial.opened
        return None

    def place(self, demand: Demand, count: int) -> bool:
        """Finds room for so many ranks; False when there is none for some of them."""
        for free in self._free:
            taken = min(count, times(demand, *free))
            _take(free, demand, taken)
            count -= taken
        while count:
            kind = self.shop.choose(demand, count)
            if kind is None:
                return False
            size = self.shop.sizes[kind.name]
            taken = min(count, holds(size, demand))
            free = [size.slots, size.cpus, size.gpus, size.memory_bytes]
            _take(free, demand, taken)
            count -= taken
            self._free.append(free)
            self.shop.add(kind)
            self.opened.append(kind)
        return True


def _take(free: list[float], demand: Demand, count: int) -> None:
    free[0] -= count
    free[1] -= count * demand.cpus
    free[2] -= count * demand.gpus
    free[3] -= count * demand.memory_bytes
