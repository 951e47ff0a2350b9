"""Jobs, their attempts and tasks, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


class TaskStatus(StrEnum):
    LEASED = "leased"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def live(self) -> bool:
        return self in (TaskStatus.LEASED, TaskStatus.RUNNING)


class Blame(StrEnum):
    """Whose fault an ended attempt is, which decides on what account the next one goes."""

    FINAL = "final"
    """Trying again would end the same way."""
    JOB = "job"
    """Counts against the job's `retries`."""
    FLEET = "fleet"
    """The platform's or the machine's: tried again with a back-off, up to a bound that only a broken fleet reaches."""
    NOBODY = "nobody"
    """Somebody wanted the workers back: tried again at once, for nothing."""


class FailureClass(StrEnum):
    """Why a task or an attempt did not succeed; decides whether it is tried again."""

    USER_ERROR = "user_error"
    DATA = "data"
    OUT_OF_MEMORY = "out_of_memory"
    HANG = "hang"
    KILLED = "killed"
    INTERNAL = "internal"
    INFRASTRUCTURE = "infrastructure"
    LOST_WORKER = "lost_worker"
    INTERRUPTED = "interrupted"
    PREEMPTED = "preempted"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    PAUSED = "paused"

    @property
    def blame(self) -> Blame:
        return _BLAME[self]


_BLAME = {
    FailureClass.USER_ERROR: Blame.FINAL,
    FailureClass.DATA: Blame.FINAL,
    FailureClass.TIMEOUT: Blame.FINAL,
    FailureClass.CANCELLED: Blame.FINAL,
    FailureClass.PAUSED: Blame.FINAL,
    FailureClass.OUT_OF_MEMORY: Blame.FINAL,  # unless it can run with less: see JobState.can_shrink
    FailureClass.HANG: Blame.JOB,
    FailureClass.KILLED: Blame.JOB,
    FailureClass.INTERNAL: Blame.JOB,
    FailureClass.INFRASTRUCTURE: Blame.FLEET,
    FailureClass.LOST_WORKER: Blame.FLEET,
    FailureClass.INTERRUPTED: Blame.NOBODY,
    FailureClass.PREEMPTED: Blame.NOBODY,
}


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)


@dataclass(frozen=True)
class Failure:
    """What went wrong, in one sentence, with its class, (for own code) the traceback, and what was measured."""

    cls: FailureClass
    message: str
    traceback: str | None = None
    evidence: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"class": self.cls.value, "message": self.message}
        if self.traceback:
            found["traceback"] = self.traceback
        if self.evidence:
            found["evidence"] = self.evidence
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Failure:
        known = data.get("class") in list(FailureClass)
        return cls(
            FailureClass(data["class"]) if known else FailureClass.INTERNAL,
            str(data.get("message") or "no reason was given"),
            data.get("traceback"),
            data.get("evidence"),
        )


@dataclass(frozen=True)
class Usage:
    """What a task has used: seconds of one core, and joules, with how those are known."""

    cpu_s: float | None
    energy_j: float
    energy_how: str


@dataclass(frozen=True)
class Outcome:
    """How one task ended: succeeded with a result, stopped on command, or with a failure."""

    status: TaskStatus
    failure: Failure | None = None
    result: dict[str, Any] = field(default_factory=dict)
    usage: Usage | None = None


@dataclass(frozen=True)
class Lease:
    """The right of one worker to run one rank.  Tokens grow for ever: a report under an old one changes nothing."""

    token: int
    rank: int
    worker_id: str
    rendezvous: str | None = None
    """`host:port` where the ranks of a gang meet; reserved by rank 0's worker."""


@dataclass(frozen=True)
class TaskState:
    lease: Lease
    status: TaskStatus = TaskStatus.LEASED
    outcome: Outcome | None = None


@dataclass(frozen=True)
class JobState:
    """All that the lifecycle decides on."""

    id: str
    status: JobStatus
    retries: int = 3
    attempt: int = 0
    failures: int = 0
    """Attempts that ended by the job's own fault; `retries` bounds them."""
    losses: int = 0
    """Attempts that ended by the fleet's fault."""
    accumulation: int = 1
    """Micro-batches that a batch is split into; doubled when memory ran out."""
    most_accumulation: int = 1
    """1 for code that cannot split its batches."""
    steps_lost: int = 0
    """Steps that were trained and thrown away by preemptions, pauses and drains."""
    tasks: tuple[TaskState, ...] = ()
    cancel_requested: bool = False
    pause_requested: bool = False
    stop: Failure | None = None
    """Why the running attempt is being stopped; set while its tasks are still ending."""
    not_before: datetime | None = None
    reason: str | None = None
    error: Failure | None = None
    result: dict[str, Any] | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def live_tasks(self) -> tuple[TaskState, ...]:
        return tuple(task for task in self.tasks if task.status.live)


@dataclass(frozen=True)
class Event:
    """One entry of the append-only log; `id` grows in the order of commits."""

    id: int
    job_id: str | None
    kind: str
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class NewEvent:
    """An entry that is yet to be appended."""

    kind: str
    at: datetime
    data: dict[str, Any]
    job_id: str | None = None


@dataclass(frozen=True)
class JobRecord:
    """A job as it is stored and shown."""

    id: str
    name: str
    workspace: str
    kind: str
    status: JobStatus
    reason: str | None
    priority: int
    workers: int
    spec: dict[str, Any]
    inputs: dict[str, Any]
    attempt: int
    steps_lost: int
    progress: float
    metrics: dict[str, float | None]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    model_version: int | None
    cancel_requested: bool
    pause_requested: bool
    not_before: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def model_name(self) -> str | None:
        name = self.spec.get("model_name")
        return str(name) if name else None
