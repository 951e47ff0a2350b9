"""Studies over HTTP.  They are submitted with `POST /jobs`, and cancelled, paused and resumed there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.jobs.model import JobStatus
from tensorfleet.jobs.ports import JobFilter
from tensorfleet.kit.answers import Page, answers
from tensorfleet.tuning import answers as shown
from tensorfleet.tuning.model import KIND
from tensorfleet.tuning.schemas import MOST_TRIALS
from tensorfleet.tuning.service import StudyService

Limit = Annotated[int, Query(ge=1, le=1000)]
Sort = Literal["created_at", "-created_at", "name", "-name", "status", "-status"]
Listing = Callable[[str], list[dict[str, Any]]]
MAY_CONFLICT = ("study_lineage", "study_importance")


class Retry(BaseModel):
    """How a study goes on."""

    model_config = ConfigDict(extra="forbid")

    trials: int | None = Field(
        default=None,
        ge=1,
        le=MOST_TRIALS,
        strict=True,
        description="so many more; null: those that failed again",
    )


def build_router(studies: StudyService) -> APIRouter:
    router = APIRouter(tags=["studies"])

    @router.get("/studies", responses=answers(Page[shown.StudyRead]))
    async def list_studies(
        status: JobStatus | None = None,
        name: Annotated[str | None, Query(max_length=100)] = None,
        workspace: Annotated[str | None, Query(max_length=100)] = None,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
        sort: Sort = "-created_at",
    ) -> JSONResponse:
        """Studies, the newest first."""
        filters = JobFilter((status.value,) if status else (), name, KIND, workspace)
        found, following = await asyncio.to_thread(studies.page, filters, limit, cursor, sort)
        return JSONResponse({"items": found, "next_cursor": following})

    @router.get("/studies/{study_id}", responses=answers(shown.StudyRead))
    async def get_study(study_id: str) -> JSONResponse:
        """A study, with its trials counted and the best ones."""
        return JSONResponse(await asyncio.to_thread(studies.get, study_id))

    @router.get("/studies/{study_id}/parallel", responses=answers(shown.Parallel))
    async def study_parallel(study_id: str) -> JSONResponse:
        """Parallel coordinates: the axes, and a line for each completed trial."""
        return JSONResponse(await asyncio.to_thread(studies.parallel, study_id))

    @router.post("/studies/{study_id}/retry", status_code=202, responses=answers(shown.StudyRead, 202, 409))
    async def retry_study(study_id: str, body: Retry | None = None) -> JSONResponse:
        """Goes on with a study that has ended: with more trials, or with those that failed."""
        more = body.trials if body else None
        return JSONResponse(await asyncio.to_thread(studies.retry, study_id, more), 202)

    listings: tuple[tuple[str, str, Any, Listing, str], ...] = (
        ("/studies/{study_id}/trials", "study_trials", shown.TrialRead, studies.trials, "Its trials, by number."),
        ("/jobs/{study_id}/trials", "job_trials", shown.TrialRead, studies.trials, "The trials of a study."),
        ("/studies/{study_id}/history", "study_history", shown.HistoryPoint, studies.history,
         "Each completed trial in the order of their ends, with the best value up to it."),
        ("/studies/{study_id}/lineage", "study_lineage", shown.LineageRead, studies.lineage,
         "Of a population: each trial with the one from whose checkpoint it began, and what was changed then."),
        ("/studies/{study_id}/importance", "study_importance", shown.Importance, studies.importance,
         "How much each hyperparameter explains of the first objective, the most important first."),
    )  # fmt: skip
    for path, name, model, read, about in listings:
        conflicts = (409,) if name in MAY_CONFLICT else ()
        said = answers(Page[model], 200, *conflicts)  # type: ignore[valid-type]
        router.add_api_route(
            path, _listing(read), methods=["GET"], name=name, description=about, responses=said
        )
    return router


def _listing(read: Listing) -> Callable[[str], Any]:
    async def listed(study_id: str) -> JSONResponse:
        return JSONResponse({"items": await asyncio.to_thread(read, study_id), "next_cursor": None})

    return listed
