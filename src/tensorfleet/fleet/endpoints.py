"""Workers over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.errors import Conflict
from tensorfleet.fleet import answers as read
from tensorfleet.fleet.health_codec import health_to_dict
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.kit.answers import Page, answers
from tensorfleet.kit.clock import rfc3339
from tensorfleet.kit.paging import page_of

Sort = Literal[
    "joined_at",
    "-joined_at",
    "worker_id",
    "-worker_id",
    "name",
    "-name",
    "state",
    "-state",
    "seen_at",
    "-seen_at",
]
CHANGED = answers(read.WorkerRead, 202, 409)
_KEYS: dict[str, Callable[[dict[str, Any]], str]] = {
    name: lambda one, name=name: str(one[name])  # type: ignore[misc]
    for name in ("joined_at", "worker_id", "name", "state", "seen_at")
}


class Scale(BaseModel):
    model_config = ConfigDict(extra="forbid")

    workers: int = Field(ge=1, le=1024, strict=True, description="tasks that the fleet may run at a time")


class Reason(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=300, description="why nothing new is to be placed there")


class Request(Protocol):
    """Leaves an intent about a worker, as `SqlWorkerStore.request` has them, for the orchestrator."""

    def __call__(self, worker_id: str, intent: str, **data: Any) -> None: ...


def worker_to_dict(worker: Worker, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    resources = {key: worker.resources.get(key) for key in ("cpus", "memory_bytes", "gpus")}
    return {
        "worker_id": worker.id,
        "name": worker.name,
        "state": worker.condition.value,
        "slots": worker.slots,
        "busy": len(tasks),
        "resources": resources,
        "stats": worker.stats,
        "health": health_to_dict(worker.health) if worker.health is not None else None,
        "tasks": tasks,
        "joined_at": rfc3339(worker.joined_at),
        "seen_at": rfc3339(worker.seen_at),
    }


Shown = Callable[[Worker], dict[str, Any]]
"""A worker as the caller may see it."""


def fleet_to_list(workers: SqlWorkerStore) -> list[dict[str, Any]]:
    running = workers.running()
    return [worker_to_dict(worker, running.get(worker.id, [])) for worker in workers.all()]


def build_router(workers: SqlWorkerStore, request: Request, seen: Callable[[Any], Any]) -> APIRouter:
    """`seen` takes out of an answer what the caller may not see."""
    router = APIRouter(tags=["workers"])

    def shown(worker: Worker) -> dict[str, Any]:
        return dict(seen(worker_to_dict(worker, workers.running().get(worker.id, []))))

    _add_reads(router, workers, seen, shown)
    _add_drain_and_scale(router, workers, request, shown)
    _add_health(router, workers, request, shown)
    return router


def _add_reads(router: APIRouter, workers: SqlWorkerStore, seen: Callable[[Any], Any], shown: Shown) -> None:
    @router.get("/workers", responses=answers(Page[read.WorkerRead]))
    async def list_workers(
        state: WorkerState | None = None,
        name: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
        sort: Sort = "joined_at",
    ) -> JSONResponse:
        """The workers of the fleet, lost ones included, in the order in which they joined."""
        wanted = [
            one
            for one in fleet_to_list(workers)
            if (state is None or one["state"] == state.value) and (name is None or one["name"] == name)
        ]
        items, following = page_of(wanted, limit, cursor, sort, _KEYS, _KEYS["worker_id"])
        return JSONResponse({"items": seen(items), "next_cursor": following})

    @router.get("/workers/{worker_id}", responses=answers(read.WorkerRead))
    async def get_worker(worker_id: str) -> JSONResponse:
        """A worker: its state, its slots, what it has and what it runs."""
        return JSONResponse(shown(workers.get(worker_id)))


def _add_drain_and_scale(router: APIRouter, workers: SqlWorkerStore, request: Request, shown: Shown) -> None:
    @router.post("/workers/{worker_id}/drain", status_code=202, responses=CHANGED)
    async def drain_worker(worker_id: str, undo: bool = False) -> dict[str, Any]:
        """No new tasks for the worker, and those that it runs save and go elsewhere; `undo` ends that."""
        worker = workers.get(worker_id)
        if worker.state is WorkerState.LOST:
            raise Conflict(f"worker {worker_id} does not answer; there is nothing to drain")
        await asyncio.to_thread(request, worker_id, "undrain" if undo else "drain")
        return shown(worker)

    @router.post("/fleet/scale", status_code=202, responses=answers(read.Scaled, 202, 409))
    async def scale_fleet(body: Scale) -> dict[str, Any]:
        """Sets how many tasks the only agent of the fleet may run at a time."""
        worker = _only_worker(workers)
        await asyncio.to_thread(request, worker.id, "scale", slots=body.workers)
        return {"worker_id": worker.id, "workers": body.workers}


def _add_health(router: APIRouter, workers: SqlWorkerStore, request: Request, shown: Shown) -> None:
    @router.post("/workers/{worker_id}/quarantine", status_code=202, responses=CHANGED)
    async def quarantine_worker(worker_id: str, body: Reason | None = None) -> dict[str, Any]:
        """Nothing new is placed on the worker until it is released."""
        worker = workers.get(worker_id)
        reason = " ".join(body.reason.split()) if body is not None else ""
        await asyncio.to_thread(request, worker_id, "quarantine", reason=reason)
        return shown(worker)

    @router.post("/workers/{worker_id}/release", status_code=202, responses=CHANGED)
    async def release_worker(worker_id: str) -> dict[str, Any]:
        """Ends the worker's quarantine."""
        worker = workers.get(worker_id)
        if worker.quarantine is None:
            raise Conflict(f"worker {worker_id} is not in quarantine; there is nothing to release")
        await asyncio.to_thread(request, worker_id, "release")
        return shown(worker)

    @router.post("/workers/{worker_id}/check", status_code=202, responses=CHANGED)
    async def check_worker(worker_id: str) -> dict[str, Any]:
        """Has the worker's agent look at its machine."""
        worker = workers.get(worker_id)
        if worker.state is WorkerState.LOST:
            raise Conflict(f"worker {worker_id} does not answer; its machine cannot be looked at")
        if not worker.machine:
            raise Conflict(
                f"the agent of worker {worker_id} is of a version that cannot look at its machine; update it"
            )
        await asyncio.to_thread(request, worker_id, "check")
        return shown(worker)


def _only_worker(workers: SqlWorkerStore) -> Worker:
    up = [worker for worker in workers.all() if worker.state is not WorkerState.LOST]
    if not up:
        raise Conflict("no worker is up; start the platform, or an agent, before scaling it")
    if len(up) > 1:
        raise Conflict(
            f"the fleet has {len(up)} agents, and only the slots of a single one can be set from here; "
            "start or stop agents, or start each with another --workers"
        )
    return up[0]
