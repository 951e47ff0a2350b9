"""What each workspace runs: its share of the fleet, and what its quota leaves."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from tensorfleet.scheduling.model import Demand, Quota, Snapshot, WorkerView

UNLIMITED = 1_000_000
_TINY = 1e-9
_NO_QUOTA = Quota()


class Shares:
    """Weighted dominant shares (Ghodsi et al., "Dominant Resource Fairness", 2011): the largest part of any one resource
    that a workspace holds, divided by its weight.  Who has the smallest is served next.
    """

    def __init__(self, snapshot: Snapshot, workers: Iterable[WorkerView]) -> None:
        self._quotas = snapshot.quotas
        self._totals = [0.0, 0.0, 0.0, 0.0]
        for worker in workers:
            for i, amount in enumerate((worker.slots, worker.cpus, worker.gpus, worker.memory_bytes)):
                self._totals[i] += amount
        self._used: dict[str, list[float]] = {}
        self.version = 0
        """Grows with every change."""
        for job in snapshot.running:
            self.charge(job.workspace, job.demand, len(job.worker_ids))
        active = {job.workspace for job in snapshot.queue} | self._used.keys()
        self._weight_sum = sum(self.quota(workspace).weight for workspace in active)

    def quota(self, workspace: str) -> Quota:
        return self._quotas.get(workspace, _NO_QUOTA)

    def copy(self) -> Shares:
        other = copy(self)
        other._used = {workspace: list(used) for workspace, used in self._used.items()}
        return other

    def charge(self, workspace: str, demand: Demand, count: int) -> None:
        """`count` ranks more (or, below zero, fewer) of this demand."""
        self.version += 1
        used = self._used.setdefault(workspace, [0.0, 0.0, 0.0, 0.0])
        used[0] += count
        used[1] += count * demand.cpus
        used[2] += count * demand.gpus
        used[3] += count * demand.memory_bytes

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
        return self._used.get(workspace, [0.0, 0.0, 0.0, 0.0])

    def allowance(self, workspace: str, demand: Demand, *, empty: bool = False) -> int:
        """How many more such ranks the quota lets the workspace run; `empty`: if it ran nothing."""
        quota = self._quotas.get(workspace)
        if quota is None:
            return UNLIMITED
        slots, cpus, gpus, _ = [0.0] * 4 if empty else self.used(workspace)
        count: float = UNLIMITED if quota.slots is None else quota.slots - slots
        if quota.cpus is not None:
            count = min(count, int((quota.cpus - cpus) / demand.cpus + _TINY))
        if quota.gpus is not None and demand.gpus:
            count = min(count, int((quota.gpus - gpus) / demand.gpus + _TINY))
        return max(0, int(count))
