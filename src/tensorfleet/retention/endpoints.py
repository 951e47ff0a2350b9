"""Retention over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.audit.current import note
from tensorfleet.kit.answers import Instant, answers
from tensorfleet.retention.model import Plan
from tensorfleet.retention.service import Retention, plan_to_dict


class OldRead(TypedDict):
    kind: Annotated[str, Field(description="jobs, checkpoints, logs or metrics")]
    job_id: str
    name: str
    workspace: str
    finished_at: Instant


class RemovedRead(OldRead):
    bytes: Annotated[int, Field(description="the room that it takes")]


class KeptRead(OldRead):
    why: str


class PlanRead(TypedDict):
    remove: list[RemovedRead]
    keep: Annotated[list[KeptRead], Field(description="old enough, but something refers to it")]
    bytes: int
    more: Annotated[bool, Field(description="there is more than one answer holds")]


def build_router(retention: Retention) -> APIRouter:
    router = APIRouter(tags=["retention"])

    @router.get("/retention/plan", responses=answers(PlanRead))
    async def plan_retention() -> JSONResponse:
        """What is older than the settings keep it: what a sweep would remove, and what it would not."""
        return JSONResponse(plan_to_dict(await asyncio.to_thread(retention.plan)))

    @router.post("/retention/sweep", responses=answers(PlanRead))
    async def sweep_retention() -> JSONResponse:
        """Removes now what is older than the settings keep it; the answer says what that was."""
        removed = await asyncio.to_thread(retention.sweep)
        note(after={"removed": len(removed)})
        return JSONResponse(plan_to_dict(Plan(tuple(removed), ())))

    return router
