"""The audit log over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, StreamingResponse

from tensorfleet.audit import answers as read
from tensorfleet.audit.ports import AuditFilter
from tensorfleet.audit.schemas import entry_to_dict, verdict_to_dict
from tensorfleet.audit.service import AuditLog, to_us
from tensorfleet.kit.answers import Page, Responses, answers
from tensorfleet.kit.written import Moment

SETTLE_S = 2.0
LINES: Responses = {
    200: {
        "description": "A line for each entry",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}
Text = Annotated[str | None, Query(max_length=600)]
Workspace = Annotated[str | None, Query(max_length=100)]


def _filter(
    actor: Text = None,
    action: Text = None,
    target: Text = None,
    begin: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="not within")] = None,
) -> AuditFilter:
    return AuditFilter(
        actor,
        action,
        target,
        begin=to_us(begin) if begin is not None else None,
        end=to_us(end) if end is not None else None,
    )


Filter = Annotated[AuditFilter, Depends(_filter)]


def build_router(audit: AuditLog, settle: Callable[[float], bool]) -> APIRouter:
    """`settle(timeout_s)` lets what this process has taken down reach the log, so that readers see what they did."""
    router = APIRouter(tags=["audit"])

    @router.get("/audit", responses=answers(Page[read.EntryRead]))
    async def list_audit_entries(
        wanted: Filter,
        workspace: Workspace = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> JSONResponse:
        """Entries of the audit log, the newest first."""
        await asyncio.to_thread(settle, SETTLE_S)
        found, following = await asyncio.to_thread(audit.page, wanted, workspace, limit, cursor)
        return JSONResponse({"items": [entry_to_dict(entry) for entry in found], "next_cursor": following})

    @router.get("/audit/export", response_class=StreamingResponse, responses=LINES)
    async def export_audit_log(wanted: Filter, workspace: Workspace = None) -> StreamingResponse:
        """Entries of the audit log as lines of JSON, the oldest first."""
        await asyncio.to_thread(settle, SETTLE_S)
        lines = await asyncio.to_thread(audit.export, wanted, workspace)
        headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)

    @router.post("/audit/verify", responses=answers(read.VerdictRead))
    async def verify_audit_log() -> dict[str, Any]:
        """Goes through the whole audit log, and names the first entry that is not as it was written."""
        await asyncio.to_thread(settle, SETTLE_S)
        return verdict_to_dict(await asyncio.to_thread(audit.verify))

    return router
