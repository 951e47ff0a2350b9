"""What placement sees, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class Demand:
    """What one worker of a job takes: one slot, and these."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True)
class WaitingJob:
    id: str
    priority: int
    """0 is served first."""
    queued_at: datetime
    workers: int
    min_workers: int
    demand: Demand = field(default_factory=Demand)
    not_before: datetime | None = None


@dataclass(frozen=True)
class WorkerView:
    """One worker (an agent) and what is free on it now."""

    id: str
    slots: int
    cpus: float
    gpus: float
    memory_bytes: int
    free_slots: int
    free_cpus: float
    free_gpus: float
    free_memory_bytes: int
    accepts: bool = True
    """False while it drains or does not answer."""


@dataclass(frozen=True)
class Snapshot:
    """The whole question: who waits, in which order they came, and what there is."""

    now: datetime
    queue: tuple[WaitingJob, ...]
    workers: tuple[WorkerView, ...]
    patience_s: float = 60.0
    """A gang that has waited this long is not overtaken any more."""


class WaitCode(StrEnum):
    BACKING_OFF = "backing_off"
    NO_WORKERS = "no_workers"
    IMPOSSIBLE = "impossible"
    NO_FREE_SLOTS = "no_free_slots"
    NO_FREE_RESOURCES = "no_free_resources"
    BEHIND_OTHERS = "behind_others"


@dataclass(frozen=True)
class Place:
    """The job starts now: rank `i` on worker `worker_ids[i]`."""

    job_id: str
    worker_ids: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """The job goes on waiting, for one dominant reason."""

    job_id: str
    code: WaitCode
    reason: str
    suggestion: str | None = None


Decision = Place | Wait
