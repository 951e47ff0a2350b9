"""What each workspace runs: its share of the fleet, and what its quota leaves."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import cached_property

from tensorfleet.scheduling.model import Demand, Quota, Snapshot, WorkerView

UNLIMITED = 1_000_000
_TINY = 1e-9
_NO_QUOTA = Quota()
_NOTHING = (0.0, 0.0, 0.0, 0.0)


class Shares:
    """Weighted dominant shares (Ghodsi et al., "Dominant Resource Fairness", 2011): the largest part of any one resource
    that a workspace holds, divided by its weight.  Who has the smallest is served next.
    """

    def __init__(self, snapshot: Snapshot, workers: Iterable[WorkerView]) -> None:
        self._snapshot = snapshot
        self._workers = tuple(workers)
        self._more: dict[str, list[float]] = {}
        self.version = 0
        """Grows with every change."""

    # Counted only when somebody asks: with one workspace and no quotas nobody does, and thousands may run.

    @cached_property
    def _totals(self) -> list[float]:
        totals = [0.0] * 4
        for worker in self._workers:
            for i, amount in enumerate((worker.slots, worker.cpus, worker.gpus, worker.memory_bytes)):
                totals[i] += amount
        return totals

    @cached_property
    def _held(self) -> dict[str, list[float]]:
        """What each workspace has run since before."""
        held: dict[str, list[float]] = {}
        for job in self._snapshot.running:
            _add(held.setdefault(job.workspace, [0.0] * 4), job.demand, len(job.worker_ids))
        return held

    @cached_property
    def _weight_sum(self) -> float:
        active = {job.workspace for job in self._snapshot.queue} | self._held.keys()
        return sum(self.quota(workspace).weight for workspace in active)

    def quota(self, workspace: str) -> Quota:
        return self._snapshot.quotas.get(workspace, _NO_QUOTA)

    def copy(self) -> Shares:
        other = copy(self)
        other._more = {workspace: list(more) for workspace, more in self._more.items()}
        return other

    def charge(self, workspace: str, demand: Demand, count: int) -> None:
        """`count` ranks more (or, below zero, fewer) of this demand."""
        self.version += 1
        _add(self._more.setdefault(workspace, [0.0] * 4), demand, count)

    def share(self, workspace: str, demand: Demand | None = None, count: int = 0) -> float:
        """The weighted share, as it would be with `count` ranks more of `demand`."""
        used = self.used(workspace)
        if demand is not None:
            more = (1.0, demand.cpus, demand.gpus, float(demand.memory_bytes))
            used = [amount + count * extra for amount, extra in zip(used, more, strict=True)]
        parts = [amount / total for amount, total in zip(used, self._totals, strict=True) if total]
        return max(parts, default=0.0) / self.quota(workspace).weight

    @property
    def fair(self) -> float:
        """The weighted share that every workspace with work would have if all had the same."""
        return 1.0 / self._weight_sum

    def used(self, workspace: str) -> list[float]:
        """slots, cpus, gpus and bytes of memory"""
        held, more = self._held.get(workspace, _NOTHING), self._more.get(workspace, _NOTHING)
        return [before + since for before, since in zip(held, more, strict=True)]

    def allowance(self, workspace: str, demand: Demand, *, empty: bool = False) -> int:
        """How many more such ranks the quota lets the workspace run; `empty`: if it ran nothing."""
        quota = self._snapshot.quotas.get(workspace)
        if quota is None:
            return UNLIMITED
        slots, cpus, gpus, memory = [0.0] * 4 if empty else self.used(workspace)
        count: float = UNLIMITED if quota.slots is None else quota.slots - slots
        if quota.cpus is not None:
            count = min(count, int((quota.cpus - cpus) / demand.cpus + _TINY))
        if quota.gpus is not None and demand.gpus:
            count = min(count, int((quota.gpus - gpus) / demand.gpus + _TINY))
        if quota.memory_bytes is not None and demand.memory_bytes:
            count = min(count, int((quota.memory_bytes - memory) // demand.memory_bytes))
        return max(0, int(count))


def _add(used: list[float], demand: Demand, count: int) -> None:
    used[0] += count
    used[1] += count * demand.cpus
    used[2] += count * demand.gpus
    used[3] += count * demand.memory_bytes
