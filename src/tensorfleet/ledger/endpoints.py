"""The ledger over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from tensorfleet.access.current import visible, visible_of
from tensorfleet.access.model import Permission
from tensorfleet.kit.answers import Page, answers
from tensorfleet.kit.paging import page_of
from tensorfleet.kit.written import Moment
from tensorfleet.ledger import answers as read
from tensorfleet.ledger.grouping import By
from tensorfleet.ledger.service import Ledger


def _workspace(standing: dict[str, Any]) -> str:
    return str(standing["workspace"])


def build_router(ledger: Ledger) -> APIRouter:
    router = APIRouter(tags=["ledger"])

    @router.get("/ledger", responses=answers(read.LedgerRead))
    async def read_ledger(
        begin: Annotated[
            Moment | None, Query(alias="from", description="this month's begin if left out")
        ] = None,
        end: Annotated[Moment | None, Query(alias="to", description="now if left out")] = None,
        workspace: Annotated[str | None, Query(max_length=100)] = None,
        by: By = By.JOB,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> JSONResponse:
        """What leases held between two instants, in groups; the largest are named, `others` is the sum of the rest."""
        within = visible_of(Permission.LEDGER_READ, workspace)
        return JSONResponse(await asyncio.to_thread(ledger.read, begin, end, workspace, by, limit, within))

    @router.get("/jobs/{job_id}/ledger", responses=answers(read.JobLedger))
    async def job_ledger(job_id: str) -> JSONResponse:
        """What the leases of one job held, with each of them; also of a job that was deleted."""
        return JSONResponse(await asyncio.to_thread(ledger.of_job, job_id))

    @router.get("/budgets", responses=answers(Page[read.BudgetRead]))
    async def list_budgets(
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
        sort: Literal["workspace", "-workspace"] = "workspace",
    ) -> JSONResponse:
        """How workspaces with a budget stand this month."""
        within = visible(Permission.LEDGER_READ)
        found = await asyncio.to_thread(ledger.standings)
        mine = [one for one in found if within is None or one["workspace"] in within]
        shown, following = page_of(mine, limit, cursor, sort, {"workspace": _workspace}, _workspace)
        return JSONResponse({"items": shown, "next_cursor": following})

    return router
