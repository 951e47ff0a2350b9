"""What the API answers about the fleet, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.fleet.model import WorkerState
from tensorfleet.kit.answers import Instant


class RunningTask(TypedDict):
    job_id: str
    rank: int
    attempt: int
    status: str


WORKER_EXAMPLE: dict[str, Any] = {
    "worker_id": "w-laptop", "name": "laptop", "state": "online", "slots": 2, "busy": 1,
    "resources": {"cpus": 8, "memory_bytes": 16_000_000_000, "gpus": []}, "stats": {"cpu_percent": 12.5},
    "health": {"status": "ok", "checked_at": "2026-11-21T03:10:01.000000Z", "quarantine": None},
    "tasks": [{"job_id": "j-1m7y1egzxd1dnwfn", "rank": 0, "attempt": 1, "status": "running"}],
    "joined_at": "2026-11-21T03:10:00.000000Z", "seen_at": "2026-11-21T03:12:25.000000Z",
}  # fmt: skip


class WorkerRead(TypedDict):
    """One agent: a machine, or a part of one."""

    worker_id: str
    name: str
    state: WorkerState
    slots: Annotated[int, Field(description="tasks that it runs at a time")]
    busy: int
    resources: dict[str, Any]
    stats: Annotated[dict[str, Any], Field(description="what was in use at its last heartbeat")]
    health: Annotated[
        dict[str, Any] | None, Field(description="what is known of its machine, and its quarantine")
    ]
    tasks: list[RunningTask]
    joined_at: Instant
    seen_at: Instant


class GpuUsage(TypedDict):
    gpu: Annotated[int, Field(description="its number in `resources.gpus`")]
    utilisation_percent: float
    utilisation_percent_max: float
    memory_percent: float
    memory_percent_max: float


class UsagePoint(TypedDict):
    """The mean of a step, and the highest value in it."""

    at: Annotated[Instant, Field(description="where the step begins")]
    cpu_percent: float
    cpu_percent_max: float
    memory_percent: float
    memory_percent_max: float
    slots: float
    busy: Annotated[float, Field(description="slots in use")]
    busy_max: float


class WorkerUsagePoint(UsagePoint):
    gpus: list[GpuUsage]


class FleetUsagePoint(UsagePoint):
    workers: float
    queued: Annotated[float, Field(description="jobs that wait")]
    queued_max: float


WorkerUsage = TypedDict(
    "WorkerUsage",
    {
        "worker_id": str,
        "from": Instant,
        "to": Instant,
        "step_s": int,
        "points": Annotated[
            list[WorkerUsagePoint],
            Field(description="in order; steps of which nothing is known are left out"),
        ],
    },
)
FleetUsage = TypedDict(
    "FleetUsage", {"from": Instant, "to": Instant, "step_s": int, "points": list[FleetUsagePoint]}
)


class Scaled(TypedDict):
    worker_id: str
    workers: int


class TargetRead(TypedDict):
    workers: int | None


class Signal(TypedDict):
    """What load and queue ask for, for KEDA, an HPA or another program."""

    desired_workers: int
    workers: int
    load: float
    queue: int
    at: Instant


class Decision(TypedDict):
    at: Instant
    action: str
    reason: str
    signal: dict[str, Any]


class Scaling(TypedDict):
    """The autoscaler's settings, what it last saw, and its latest decisions."""

    enabled: bool
    settings: dict[str, Any]
    state: Decision | None
    decisions: list[Decision]


class Activity(TypedDict):
    """Workers and job counts in one answer."""

    items: list[WorkerRead]
    jobs: Annotated[dict[str, int], Field(description="how many there are by status")]


class PartRead(TypedDict):
    """One part of the platform; some say more."""

    status: str
    since: Instant | None
    detail: NotRequired[str]
    meaning: NotRequired[Annotated[str, Field(description="what that means for users")]]


class Health(TypedDict):
    status: str
    version: str
    accepts_jobs: bool
    parts: dict[str, PartRead]


class Alive(TypedDict):
    status: str


class Ready(TypedDict):
    status: str
    missing: list[str]
