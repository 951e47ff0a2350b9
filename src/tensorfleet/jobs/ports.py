"""What the use cases of jobs need from a metadata store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tensorfleet.errors import TensorFleetError
from tensorfleet.jobs.events import Effect
from tensorfleet.jobs.model import Event, JobRecord, JobState, JobStatus, Lease, NewEvent


@dataclass(frozen=True)
class NewJob:
    """A validated submission: the spec as it will be shown, and what its names stood for at that moment."""

    id: str
    name: str
    workspace: str
    kind: str
    priority: int
    workers: int
    spec: dict[str, Any]
    inputs: dict[str, Any]
    created_at: datetime
    idempotency_key: str | None = None
    status: JobStatus = JobStatus.QUEUED
    """A study runs from the beginning: its trials queue, not itself."""
    events: tuple[NewEvent, ...] = ()
    """What its log begins with, after `job.submitted`."""


@dataclass(frozen=True)
class JobFilter:
    status: tuple[str, ...] = ()
    """One of these; empty: any."""
    name: str | None = None
    kind: str | None = None
    workspace: str | None = None
    study: str | None = None
    """Only its trials."""
    ended: bool | None = None
    """False: only jobs that have not."""
    within: tuple[str, ...] | None = None
    """Only jobs of these workspaces; None: of all."""
    text: str | None = None
    """Somewhere in the name, or at the begin of the id, in upper or lower case."""
    algorithm: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Submitted from an instant on, and before another one."""

    @property
    def searching(self) -> bool:
        """Whether something is looked for that has no order of its own."""
        return bool(self.status or self.name or self.kind or self.text or self.algorithm)


class Rights(Protocol):
    """What whoever calls may do with jobs of a workspace; an error of the tree is raised where it may not."""

    def readable(self) -> tuple[str, ...] | None:
        """The workspaces whose jobs it sees; None: all."""
        ...

    def check_write(self, workspace: str) -> None: ...

    def check_secrets(self, workspace: str) -> None:
        """Whether its jobs may have secrets of the workspace."""
        ...


class Unrestricted:
    """The platform itself calls."""

    def readable(self) -> tuple[str, ...] | None:
        return None

    def check_write(self, workspace: str) -> None:
        return

    def check_secrets(self, workspace: str) -> None:
        return


@dataclass(frozen=True)
class QueuedJob:
    """What placement has to know of a waiting job."""

    id: str
    priority: int
    created_at: datetime
    not_before: datetime | None
    resources: dict[str, Any]
    workspace: str = "default"
    name: str = ""
    affinity: str | None = None
    """Jobs with the same one like the same workers: what they read is in the cache there."""
    timeout_s: float | None = None


@dataclass(frozen=True)
class LiveLease:
    """A lease in force, with what its task takes."""

    token: int
    worker_id: str
    job_id: str
    rank: int
    attempt: int
    task_status: str
    rendezvous: str | None
    log_offset: int
    record_offset: int
    resources: dict[str, Any]
    workspace: str = "default"
    priority: int = 1
    started_at: datetime | None = None
    """When the attempt began."""
    progress: float = 0.0
    stopping: bool = False
    timeout_s: float | None = None
    queued_at: datetime | None = None
    affinity: str | None = None
    attempt_workers: int | None = None
    """Ranks that the attempt began with; some of them may have ended."""


@dataclass(frozen=True)
class HeldTask:
    """A task that an agent still has something of: how much of it was taken over, and whether its lease is over."""

    token: int
    log_offset: int
    record_offset: int
    over: bool


@dataclass(frozen=True)
class Command:
    """An outbox entry: something that a part outside the database still has to do."""

    id: int | None
    """None for one that this transaction has only just given."""
    topic: str
    kind: str
    ref: str | None
    data: dict[str, Any]


class JobStore(Protocol):
    """Jobs as rows.  Safe from several threads and processes; each call is one transaction.

    A submission with a known idempotency key returns the first job and writes nothing.
    """

    def insert(self, job: NewJob) -> tuple[JobRecord, bool]: ...
    def insert_many(self, new: Sequence[NewJob]) -> list[tuple[JobRecord, bool] | TensorFleetError]: ...
    def get(self, job_id: str) -> JobRecord: ...
    def get_many(self, job_ids: Sequence[str]) -> dict[str, JobRecord]:
        """Those that there are, by id."""
        ...

    def page(
        self, filters: JobFilter, limit: int, cursor: str | None, sort: str
    ) -> tuple[list[JobRecord], str | None]: ...
    def counts(self, filters: JobFilter | None = None) -> dict[str, int]: ...
    def request(
        self,
        job_id: str,
        intent: str,
        now: datetime,
        topic: str = "orchestrator",
        data: dict[str, Any] | None = None,
    ) -> None: ...
    def request_many(self, intent: str, topics: Mapping[str, str], now: datetime) -> None:
        """`request` for several jobs, each with the topic of who leads it."""
        ...

    def delete(self, job_id: str) -> None: ...
    def tasks(self, job_id: str) -> list[dict[str, Any]]: ...
    def orchestrate(self) -> AbstractContextManager[JobTransaction]: ...


class JobTransaction(Protocol):
    """The orchestrator's side: one transaction in which states are loaded, decided on and saved."""

    def load(self, job_id: str) -> JobState: ...
    def grant(
        self, job_id: str, worker_ids: Sequence[str], rendezvous: str | None, now: datetime
    ) -> tuple[Lease, ...]: ...
    def save(self, before: JobState, after: JobState, effects: Sequence[Effect], now: datetime) -> None: ...
    def job_of_lease(self, token: int) -> str | None: ...
    def queue(self, limit: int) -> list[QueuedJob]: ...
    def live_leases(self, worker_id: str | None = None) -> list[LiveLease]: ...
    def open_commands(self, topic: str) -> list[Command]: ...
    def close_commands(self, commands: Sequence[Command], now: datetime) -> None: ...
    def take_over(
        self, token: int, stream: str, start: int, end: int, events: Sequence[NewEvent]
    ) -> int | None: ...
    def last_checkpoint(self, job_id: str) -> Event | None: ...
