"""What the scheduler sees, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


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
    workspace: str = "default"
    affinity: str | None = None
    """What it would like to find on its worker, such as the name of its dataset."""
    timeout_s: float | None = None
    """An attempt is stopped after this long, so it surely ends by then."""


@dataclass(frozen=True)
class RunningJob:
    id: str
    workspace: str
    priority: int
    wanted_workers: int
    min_workers: int
    demand: Demand
    worker_ids: tuple[str, ...]
    """Rank `i` runs on `worker_ids[i]`."""
    started_at: datetime
    expected_end_at: datetime | None = None
    """From its progress, else from its timeout; None when neither is known."""
    queued_at: datetime | None = None
    """When it was submitted; a job that is stopped for another one waits again from then."""
    preemptible: bool = True
    stopping: bool = False
    attempt_workers: int | None = None
    """With how many ranks it was started, if some of them may have ended since."""
    affinity: str | None = None

    @property
    def workers(self) -> int:
        return len(self.worker_ids)


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
    """False while it drains, does not answer, is in quarantine, or its disk is nearly full."""
    draining: bool = False
    low_disk: bool = False
    recent: tuple[str, ...] = ()
    """What it has run lately: values of `WaitingJob.affinity`."""
    quarantine: str = ""
    """Why it gets nothing until its machine is well, or a person releases it; empty when it does."""
    kept: bool = False
    """A person keeps it in quarantine, to look at it."""


@dataclass(frozen=True)
class Quota:
    """What a workspace may run at once (None: no limit), and its weight in the fair share."""

    slots: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    memory_bytes: int | None = None
    weight: float = 1.0


class Policy(StrEnum):
    """Which of the workers that have room a job gets."""

    RESOURCE_FIT = "resource_fit"
    ROUND_ROBIN = "round_robin"
    LEAST_LOADED = "least_loaded"
    AFFINITY = "affinity"


@dataclass(frozen=True)
class Snapshot:
    """The whole question: who waits, in which order they came, what runs, and what there is."""

    now: datetime
    queue: tuple[WaitingJob, ...]
    workers: tuple[WorkerView, ...]
    patience_s: float = 60.0
    """A job that has waited this long is not overtaken any more, even if nobody knows when it can start."""
    running: tuple[RunningJob, ...] = ()
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    over_budget: Mapping[str, str] = field(default_factory=dict)
    """Workspaces of which nothing starts, as their budgets are spent, each with a sentence that says so."""
    policy: Policy = Policy.RESOURCE_FIT
    starve_after_s: float = 86400.0
    """A job that has waited this long goes before all others of its priority, whatever their shares are."""
    min_run_s: float = 5.0
    """A job is left alone for this long before one of a higher priority may stop it."""
    fair_run_s: float = 60.0
    """The same before a workspace under its fair share may stop it."""
    grow_after_s: float = 30.0
    """An elastic job is left at its size for this long."""
    stop_grace_s: float = 30.0
    """A job that was told to stop is gone after this long at the latest."""


class WaitCode(StrEnum):
    BACKING_OFF = "backing_off"
    NO_WORKERS = "no_workers"
    LOW_DISK = "low_disk"
    QUARANTINE = "quarantine"
    IMPOSSIBLE = "impossible"
    OVER_QUOTA = "over_quota"
    OVER_BUDGET = "over_budget"
    MAKING_ROOM = "making_room"
    NO_FREE_SLOTS = "no_free_slots"
    NO_FREE_RESOURCES = "no_free_resources"
    RESERVED = "reserved"
    FAIR_SHARE = "fair_share"
    BEHIND_OTHERS = "behind_others"


class ChangeKind(StrEnum):
    WAIT_UNTIL = "wait_until"
    LOWER_WORKERS = "lower_workers"
    LOWER_DEMAND = "lower_demand"
    SET_TIMEOUT = "set_timeout"
    RAISE_PRIORITY = "raise_priority"
    UNDRAIN = "undrain"
    FREE_DISK = "free_disk"
    RELEASE = "release"
    END_JOB = "end_job"
    RAISE_QUOTA = "raise_quota"
    RAISE_BUDGET = "raise_budget"
    ADD_WORKERS = "add_workers"


@dataclass(frozen=True)
class Change:
    """Something that would start the job now; `changes.apply` carries it out on a snapshot.

    Attributes:
        sentence: what a person would do.
        and_then: a second change that is needed as well.
    """

    kind: ChangeKind
    sentence: str
    until: datetime | None = None
    workers: int | None = None
    demand: Demand | None = None
    timeout_s: float | None = None
    priority: int | None = None
    job_id: str | None = None
    worker_ids: tuple[str, ...] = ()
    quota: Quota | None = None
    and_then: Change | None = None


@dataclass(frozen=True)
class Place:
    """The job starts now: rank `i` on worker `worker_ids[i]`, between `min_workers` and `workers` of them."""

    job_id: str
    worker_ids: tuple[str, ...]


@dataclass(frozen=True)
class Preempt:
    """The running job `job_id` has to stop, so that `for_job` can start."""

    job_id: str
    for_job: str
    reason: str


@dataclass(frozen=True)
class Resize:
    """The running elastic job should be started again with `workers` ranks: there is room, and nobody waits for it."""

    job_id: str
    workers: int
    reason: str


@dataclass(frozen=True)
class Wait:
    """The job goes on waiting, for one dominant reason."""

    job_id: str
    code: WaitCode
    reason: str
    suggestion: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    change: Change | None = None
    expected_start: datetime | None = None
    expected_start_unknown: str | None = None
    """Why there is no expected start."""


Decision = Place | Preempt | Resize
