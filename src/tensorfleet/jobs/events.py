"""What may happen to a job, and what may follow from it: the words of the lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tensorfleet.jobs.model import Failure, Lease, Outcome

# ---- events: what happened -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leased:
    """A gang of leases was granted: one for each rank, all at once."""

    leases: tuple[Lease, ...]


@dataclass(frozen=True)
class TaskStarted:
    token: int


@dataclass(frozen=True)
class TaskFinished:
    token: int
    outcome: Outcome


@dataclass(frozen=True)
class WorkerLost:
    """A worker fell silent for longer than its leases last."""

    worker_id: str


@dataclass(frozen=True)
class TimedOut:
    limit_s: float


@dataclass(frozen=True)
class Preempted:
    """Somebody else gets the workers (a job of higher priority, a drain, the same job at another size): save and queue again."""

    reason: str


@dataclass(frozen=True)
class HangFound:
    """An attempt makes no progress; `restart` says whether it is tried again from its checkpoint."""

    attempt: int
    failure: Failure
    restart: bool = True


@dataclass(frozen=True)
class DiskLow:
    """A worker of the job has hardly any disk left: save and rest until a person has made room."""

    worker_id: str
    free_bytes: int


@dataclass(frozen=True)
class CancelRequested:
    pass


@dataclass(frozen=True)
class PauseRequested:
    pass


@dataclass(frozen=True)
class ResumeRequested:
    pass


@dataclass(frozen=True)
class RetryRequested:
    pass


JobEvent = (
    Leased
    | TaskStarted
    | TaskFinished
    | WorkerLost
    | TimedOut
    | Preempted
    | HangFound
    | DiskLow
    | CancelRequested
    | PauseRequested
    | ResumeRequested
    | RetryRequested
)


# ---- effects: what has to be done about it ----------------------------------------------------------------------------


@dataclass(frozen=True)
class StartTask:
    lease: Lease


class How(StrEnum):
    """How a task is stopped."""

    SAVE = "save"
    """It may save a checkpoint first, within the agent's grace."""
    END = "end"
    """It is asked to end, and killed after some seconds."""
    KILL = "kill"
    """At once: without its peers it can do nothing any more."""


@dataclass(frozen=True)
class StopTask:
    lease: Lease
    reason: str
    how: How


@dataclass(frozen=True)
class ReleaseLease:
    lease: Lease


@dataclass(frozen=True)
class CloseAttempt:
    number: int
    outcome: str
    reason: str | None


@dataclass(frozen=True)
class Record:
    """An entry for the event log."""

    kind: str
    data: dict[str, Any]


Effect = StartTask | StopTask | ReleaseLease | CloseAttempt | Record
