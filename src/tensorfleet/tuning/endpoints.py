"""Studies over HTTP.  They are submitted with `POST /jobs`, and cancelled, paused and resumed there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.jobs.model import JobStatus
from tensorfleet.tuning.schemas import MOST_TRIALS
from tensorfleet.tuning.service import StudyService

Limit = Annotated[int, Query(ge=1, le=1000)]


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

    @router.get("/studies")
    async def list_studies(
        status: JobStatus | None = None, limit: Limit = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        found, following = await asyncio.to_thread(studies.page, status, limit, cursor)
        return {"items": found, "next_cursor": following}

    @router.get("/studies/{study_id}")
    async def get_study(study_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(studies.get, study_id)

    @router.get("/studies/{study_id}/parallel")
    async def study_parallel(study_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(studies.parallel, study_id)

    @router.post("/studies/{study_id}/retry", status_code=202)
    async def retry_study(study_id: str, body: Retry | None = None) -> dict[str, Any]:
        return await asyncio.to_thread(studies.retry, study_id, body.trials if body else None)

    for path, read in (
        ("/studies/{study_id}/trials", studies.trials),
        ("/jobs/{study_id}/trials", studies.trials),
        ("/studies/{study_id}/history", studies.history),
        ("/studies/{study_id}/lineage", studies.lineage),
        ("/studies/{study_id}/importance", studies.importance),
    ):
        router.add_api_route(path, _listing(read), methods=["GET"])
    return router


def _listing(read: Callable[[str], list[dict[str, Any]]]) -> Callable[[str], Any]:
    async def listed(study_id: str) -> dict[str, Any]:
        return {"items": await asyncio.to_thread(read, study_id), "next_cursor": None}

    return listed
