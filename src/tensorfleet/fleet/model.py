"""Workers as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

LOST_EVENT = "worker.lost"
LOW_DISK_EVENT = "worker.low_disk"
"""Entries of the event log about a worker, of no job."""


class WorkerState(StrEnum):
    ONLINE = "online"
    DRAINING = "draining"
    LOST = "lost"


@dataclass(frozen=True)
class Worker:
    """One agent: a machine, or a part of one, with a number of slots for tasks.

    `resources` has `cpus`, `memory_bytes` and `gpus` (a list with `name` and `memory_bytes`); `stats` what was in use
    at the last heartbeat.
    """

    id: str
    name: str
    state: WorkerState
    slots: int
    resources: dict[str, Any]
    stats: dict[str, Any]
    joined_at: datetime
    seen_at: datetime
