"""Quotas over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from tensorfleet.kit.answers import answers
from tensorfleet.quotas.schemas import QuotaBody, QuotaRead
from tensorfleet.quotas.service import QuotaService

Name = Annotated[str, Path(max_length=100)]


def build_router(quotas: QuotaService) -> APIRouter:
    router = APIRouter(tags=["access"])

    @router.get("/workspaces/{workspace}/quota", responses=answers(QuotaRead))
    async def read_quota(workspace: Name) -> JSONResponse:
        """What a workspace may take, and what it takes now."""
        return JSONResponse(await asyncio.to_thread(quotas.read, workspace))

    @router.put("/workspaces/{workspace}/quota", responses=answers(QuotaRead))
    async def set_quota(workspace: Name, body: QuotaBody) -> JSONResponse:
        """Replaces the quota of a workspace; it holds at once, for what starts and for what is submitted from then on."""
        return JSONResponse(await asyncio.to_thread(quotas.set, workspace, body.limits()))

    @router.delete("/workspaces/{workspace}/quota", responses=answers(QuotaRead))
    async def reset_quota(workspace: Name) -> JSONResponse:
        """Takes back what was set: the settings hold again."""
        return JSONResponse(await asyncio.to_thread(quotas.set, workspace, None))

    return router
