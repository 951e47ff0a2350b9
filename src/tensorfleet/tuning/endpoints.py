"""Studies over HTTP.  They are submitted with `POST /jobs`, and cancelled, paused and resumed there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tensorfleet.jobs.model import JobStatus
from tensorfleet.tuning.service import StudyService

Limit = Annotated[int, Query(ge=1, le=1000)]


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

    for path, read in (
        ("/studies/{study_id}/trials", studies.trials),
        ("/jobs/{study_id}/trials", studies.trials),
        ("/studies/{study_id}/history", studies.history),
        ("/studies/{study_id}/importance", studies.importance),
    ):
        router.add_api_route(path, _listing(read), methods=["GET"])
    return router


def _listing(read: Callable[[str], list[dict[str, Any]]]) -> Callable[[str], Any]:
    async def listed(study_id: str) -> dict[str, Any]:
        return {"items": await asyncio.to_thread(read, study_id), "next_cursor": None}

    return listed
