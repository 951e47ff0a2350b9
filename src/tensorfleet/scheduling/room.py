"""A ledger of what is free on each worker."""

from __future__ import annotations

from collections.abc import Iterable

from tensorfleet.scheduling.model import Demand, WorkerView

_TINY = 1e-9
"""Sums of fractions of CPUs are not exact."""


def times(demand: Demand, slots: float, cpus: float, gpus: float, memory_bytes: float) -> int:
    """How many tasks of this kind these resources hold."""
    count = min(slots, int(cpus / demand.cpus + _TINY))
    if demand.gpus:
        count = min(count, int(gpus / demand.gpus + _TINY))
    if demand.memory_bytes:
        count = min(count, memory_bytes // demand.memory_bytes)
    return int(count) if count > 0 else 0


def capacity(demand: Demand, workers: Iterable[WorkerView]) -> int:
    """How many such tasks the workers could hold if they were empty."""
    return sum(times(demand, w.slots, w.cpus, w.gpus, w.memory_bytes) for w in workers)


class Fleet:
    """What is free, worker by worker; written on while jobs are placed.  Workers that it does not list have no room."""

    __slots__ = ("_free",)

    def __init__(self, free: dict[str, list[float]]) -> None:
        self._free = free
        """slots, cpus, gpus and bytes of memory, by worker"""

    @classmethod
    def of(cls, workers: Iterable[WorkerView]) -> Fleet:
        return cls({w.id: [w.free_slots, w.free_cpus, w.free_gpus, w.free_memory_bytes] for w in workers})

    def copy(self) -> Fleet:
        return Fleet({worker_id: list(free) for worker_id, free in self._free.items()})

    def only(self, worker_ids: Iterable[str]) -> Fleet:
        """A copy with these workers alone."""
        return Fleet({worker_id: list(self._free[worker_id]) for worker_id in worker_ids})

    def room(self, worker_id: str, demand: Demand) -> int:
        free = self._free.get(worker_id)
        return times(demand, *free) if free is not None else 0

    def rooms(self, demand: Demand) -> dict[str, int]:
        """The workers that can take at least one such task, and how many."""
        return {
            worker_id: room
            for worker_id, free in self._free.items()
            if free[0] > 0 and (room := times(demand, *free))
        }

    def total(self, demand: Demand) -> int:
        return sum(self.rooms(demand).values())

    def take(self, worker_ids: Iterable[str], demand: Demand) -> None:
        self.change(worker_ids, demand, -1)

    def give(self, worker_ids: Iterable[str], demand: Demand) -> None:
        self.change(worker_ids, demand, 1)

    def change(self, worker_ids: Iterable[str], demand: Demand, sign: int) -> None:
        for worker_id in worker_ids:
            free = self._free.get(worker_id)
            if free is not None:
                free[0] += sign
                free[1] += sign * demand.cpus
                free[2] += sign * demand.gpus
                free[3] += sign * demand.memory_bytes

    def amounts(self, worker_id: str) -> tuple[float, float, float, float]:
        """slots, cpus, gpus and bytes of memory that are free on this worker"""
        slots, cpus, gpus, memory_bytes = self._free[worker_id]
        return slots, cpus, gpus, memory_bytes

    def free_slots(self, worker_id: str) -> int:
        return int(self._free[worker_id][0])

    def free_gpus(self, worker_id: str) -> float:
        return self._free[worker_id][2]

    @property
    def idle_slots(self) -> int:
        return sum(int(free[0]) for free in self._free.values() if free[0] > 0)

    def sums(self) -> dict[str, float]:
        """All that is free, together."""
        names = ("slots", "cpus", "gpus", "memory_bytes")
        return {name: sum(max(0, free[i]) for free in self._free.values()) for i, name in enumerate(names)}


class RoomFor:
    """How many tasks of one kind a fleet holds, kept right while others come and go."""

    def __init__(self, fleet: Fleet, demand: Demand) -> None:
        self._fleet = fleet
        self._demand = demand
        self.count = fleet.total(demand)

    def give(self, worker_ids: Iterable[str], demand: Demand) -> None:
        self._change(tuple(worker_ids), demand, 1)

    def take(self, worker_ids: Iterable[str], demand: Demand) -> None:
        self._change(tuple(worker_ids), demand, -1)

    def _change(self, worker_ids: tuple[str, ...], demand: Demand, sign: int) -> None:
        touched = set(worker_ids)
        self.count -= sum(self._fleet.room(worker_id, self._demand) for worker_id in touched)
        self._fleet.change(worker_ids, demand, sign)
        self.count += sum(self._fleet.room(worker_id, self._demand) for worker_id in touched)
