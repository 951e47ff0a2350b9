"""The ledger over HTTP."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tensorfleet.ledger.grouping import By
from tensorfleet.ledger.service import Ledger


def build_router(ledger: Ledger) -> APIRouter:
    router = APIRouter(tags=["ledger"])

    @router.get("/ledger")
    async def read_ledger(
        begin: Annotated[
            datetime | None, Query(alias="from", description="this month's begin if left out")
        ] = None,
        end: Annotated[datetime | None, Query(alias="to", description="now if left out")] = None,
        workspace: Annotated[str | None, Query(max_length=100)] = None,
        by: By = By.JOB,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> dict[str, Any]:
        return await asyncio.to_thread(ledger.read, begin, end, workspace, by, limit)

    @router.get("/jobs/{job_id}/ledger")
    async def read_job(job_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(ledger.of_job, job_id)

    @router.get("/budgets")
    async def list_budgets() -> dict[str, Any]:
        return {"items": await asyncio.to_thread(ledger.standings), "next_cursor": None}

    return router
