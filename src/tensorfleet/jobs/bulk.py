"""Many jobs at once, by their ids or by what they have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tensorfleet.errors import InvalidInput, TensorFleetError
from tensorfleet.jobs.model import JobRecord, JobStatus
from tensorfleet.jobs.ports import JobFilter
from tensorfleet.jobs.schemas import job_to_dict
from tensorfleet.jobs.service import JobService

MOST_JOBS = 1000
JobId = Annotated[str, Field(min_length=1, max_length=64)]
Word = Annotated[str, Field(min_length=1, max_length=100)]


class Which(BaseModel):
    """What the jobs have in common; of a filter at least one field is given."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    status: JobStatus | None = None
    name: Word | None = None
    kind: Word | None = None
    workspace: Word | None = None
    study: JobId | None = Field(default=None, description="trials of this study")

    @model_validator(mode="after")
    def _says_something(self) -> Which:
        if not self.model_dump(exclude_none=True):
            raise ValueError("a filter has at least one of status, name, kind, workspace and study")
        return self


class Many(BaseModel):
    """Either ids, or a filter: the oldest jobs that it fits and that have not ended, a page at a time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [{"required": ["ids"]}, {"required": ["filter"]}],
            "examples": [{"ids": ["j-1m7y1egzxd1dnwfn"]}, {"filter": {"status": "queued", "name": "sweep"}}],
        },
    )

    ids: list[JobId] | None = Field(default=None, min_length=1, max_length=MOST_JOBS)
    filter: Which | None = None
    limit: int = Field(default=MOST_JOBS, ge=1, le=MOST_JOBS, strict=True, description="of a filter")
    cursor: str | None = Field(default=None, max_length=500, description="of a filter: where to go on")

    @model_validator(mode="after")
    def _one_of_both(self) -> Many:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or a filter")
        return self


def request(jobs: JobService, intent: str, many: Many) -> dict[str, Any]:
    """Asks for the same of many jobs; `{"items": [an answer for each], "next_cursor"}`."""
    following = None
    if many.filter is not None:
        found, following = jobs.page(_filter(many.filter), many.limit, many.cursor, "created_at")
        ids = [job.id for job in found]
    else:
        ids = list(dict.fromkeys(many.ids or ()))
    answers = jobs.request_many(ids, intent) if ids else []
    shown = [shown_of(job_id, 202, answer) for job_id, answer in zip(ids, answers, strict=True)]
    return {"items": shown, "next_cursor": following}


def _filter(which: Which) -> JobFilter:
    status = (which.status.value,) if which.status else ()
    return JobFilter(status, which.name, which.kind, which.workspace, which.study, ended=False)


def shown_of(job_id: str, status: int, answer: JobRecord | TensorFleetError) -> dict[str, Any]:
    """What became of one of many."""
    if isinstance(answer, TensorFleetError):
        return {"job_id": job_id, **refusal(answer)}
    return {"job_id": job_id, "status": status, "job": job_to_dict(answer)}


def refusal(error: TensorFleetError) -> dict[str, Any]:
    """Why one of many was refused, as its own answer would have said it."""
    fields = [field.to_dict() for field in error.errors] if isinstance(error, InvalidInput) else []
    return {"status": error.http_status, "code": error.code, "detail": error.detail, "errors": fields}
