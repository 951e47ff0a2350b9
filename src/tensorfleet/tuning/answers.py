"""What the API answers about studies, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.jobs.model import JobStatus
from tensorfleet.kit.answers import Instant
from tensorfleet.tuning.model import TrialState


class TrialRead(TypedDict):
    """One trial of a study; one of a population says its place in it as well."""

    number: int
    job_id: str | None
    state: TrialState
    params: dict[str, Any]
    value: float | None
    values: list[float | None] | None
    reason: str | None
    created_at: Instant
    finished_at: Instant | None
    run_again: Annotated[int | None, Field(description="the trial that it repeats")]
    generation: NotRequired[int]
    member: NotRequired[int]
    parent: NotRequired[int | None]


class LineageRead(TrialRead):
    changes: Annotated[dict[str, Any], Field(description="{name: [before, after]}")]


class StudyRead(TypedDict):
    """A study: a job of kind tune, with its trials counted."""

    study_id: str
    job_id: str
    name: str
    workspace: str
    status: JobStatus
    reason: str | None
    progress: float
    objective: list[dict[str, Any]]
    sampler: str
    pruner: str
    population: dict[str, Any] | None
    trials: Annotated[int, Field(description="how many are asked for")]
    counts: dict[str, int]
    best: list[TrialRead]
    model_name: str | None
    version: int | None
    created_at: Instant
    finished_at: Instant | None
    space: dict[str, Any]


class HistoryPoint(TypedDict):
    number: int
    values: list[float | None]
    best: float | None
    at: Instant | None


class Importance(TypedDict):
    name: str
    importance: float


class Line(TypedDict):
    number: int
    params: dict[str, Any]
    values: list[float | None]


class Parallel(TypedDict):
    """Parallel coordinates: the axes, and a line for each completed trial."""

    axes: list[dict[str, Any]]
    objectives: list[dict[str, Any]]
    lines: list[Line]
