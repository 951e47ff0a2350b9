"""What the API answers about service levels, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant
from tensorfleet.sla.model import Name

Share = Annotated[float | None, Field(description="0 to 1; null where nothing was counted")]


class ObjectiveRead(TypedDict):
    """One objective, and how it stands."""

    name: Name
    target: Annotated[float, Field(description="the share that has to be good")]
    limit_s: Annotated[float | None, Field(description="within so many seconds, where it is about time")]
    reached: Share
    good: float
    total: float
    unit: Annotated[str, Field(description="of good and total: seconds, requests or jobs")]
    budget_left: Annotated[float, Field(description="the part of the error budget; below 0 when overspent")]
    met: Annotated[bool | None, Field(description="null where nothing was counted")]
    burn: NotRequired[
        Annotated[
            dict[str, float | None],
            Field(description="how many times too fast the budget burns, by window; of this month only"),
        ]
    ]


class TimesRead(TypedDict):
    """Percentiles of seconds, reckoned from counts between fixed edges."""

    count: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


class RouteRead(TimesRead):
    """Requests of one class: submit, read, write or files."""

    route: str
    errors: int


class ApiRead(TypedDict):
    """What was measured of the API."""

    availability: Share
    up_s: float
    down_s: float
    unknown_s: Annotated[float, Field(description="time in which nobody asked")]
    requests: int
    errors: Annotated[int, Field(description="answered with 5xx")]
    error_share: Share
    latency: list[RouteRead]
    hint: NotRequired[str]


class JobsRead(TypedDict):
    """What became of the jobs."""

    submitted: int
    completed: int
    failed: int
    cancelled: int
    failed_by_class: dict[str, int]
    failed_by_platform: int
    success: Share
    platform_success: Annotated[float | None, Field(description="without jobs that failed by themselves")]
    wait: TimesRead
    waiting: int
    assignment: TimesRead
    retries: int
    steps_lost: int
    lost_s: float
    hung_s: float
    lost_cpu_s: float


class WorkspaceRead(TypedDict):
    workspace: str
    objectives: list[ObjectiveRead]
    jobs: JobsRead


_From = TypedDict("_From", {"from": Instant})


class ReportRead(_From):
    """What was promised in a month, and what came of it."""

    month: str
    to: Instant
    complete: Annotated[bool, Field(description="whether the month is over")]
    workspace: str | None
    objectives: list[ObjectiveRead]
    jobs: JobsRead
    api: ApiRead
    workspaces: NotRequired[list[WorkspaceRead]]
