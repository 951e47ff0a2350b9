"""What may happen to a job, and what may follow from it: the words of the lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tensorfleet.jobs.model import Lease, Outcome

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
    | CancelRequested
    | PauseRequested
    | ResumeRequested
    | RetryRequested
)


# ---- effects: what has to be done about it ----------------------------------------------------------------------------


@dataclass(frozen=True)
class StartTask:
    lease: Lease


@dataclass(frozen=True)
class StopTask:
    lease: Lease
    reason: str


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
