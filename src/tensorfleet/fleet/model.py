"""Workers as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tensorfleet.health.record import Health, Quarantine

LOST_EVENT = "worker.lost"
LOW_DISK_EVENT = "worker.low_disk"
QUARANTINED_EVENT = "worker.quarantined"
RELEASED_EVENT = "worker.released"
"""Entries of the event log about a worker, of no job."""


class WorkerState(StrEnum):
    ONLINE = "online"
    QUARANTINED = "quarantined"
    """It would be online, but for its quarantine; never stored."""
    DRAINING = "draining"
    LOST = "lost"


@dataclass(frozen=True)
class Worker:
    """One agent: a machine, or a part of one, with a number of slots for tasks.

    `resources` has `cpus`, `memory_bytes` and `gpus` (a list with `name` and `memory_bytes`); `stats` what was in use
    at the last heartbeat; `health` what is known of its machine, None before the first look at it.
    """

    id: str
    name: str
    state: WorkerState
    slots: int
    resources: dict[str, Any]
    stats: dict[str, Any]
    joined_at: datetime
    seen_at: datetime
    health: Health | None = None

    @property
    def quarantine(self) -> Quarantine | None:
        return self.health.quarantine if self.health is not None else None

    @property
    def condition(self) -> WorkerState:
        """The state as people see it."""
        held = self.state is WorkerState.ONLINE and self.quarantine is not None
        return WorkerState.QUARANTINED if held else self.state

    @property
    def machine(self) -> str:
        """What it shares with others, as its agent says; empty for one that cannot be asked about it."""
        return str(self.resources.get("machine") or "")[:64]
