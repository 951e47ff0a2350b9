"""Service levels over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from tensorfleet.access.current import visible_of
from tensorfleet.access.model import Permission
from tensorfleet.kit.answers import Responses
from tensorfleet.sla.answers import ReportRead
from tensorfleet.sla.schemas import to_csv
from tensorfleet.sla.service import ServiceLevels

REPORT: Responses = {
    200: {
        "description": "The report, as JSON or as one line for each workspace",
        "model": ReportRead,
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


def build_router(levels: ServiceLevels) -> APIRouter:
    router = APIRouter(tags=["sla"])

    @router.get("/sla", responses=REPORT)
    async def read_report(
        month: Annotated[
            str | None, Query(max_length=40, description="YYYY-MM (UTC); this one if left out")
        ] = None,
        workspace: Annotated[str | None, Query(max_length=100)] = None,
        format: Annotated[Literal["json", "csv"], Query()] = "json",  # noqa: A002 - the name in the address
    ) -> Response:
        """What was promised and what came of it in a month, as a whole and by workspace."""
        within = visible_of(Permission.LEDGER_READ, workspace)
        report = await asyncio.to_thread(levels.report, month, workspace, within)
        if format == "csv":
            return Response(to_csv(report), media_type="text/csv")
        return JSONResponse(report)

    return router
