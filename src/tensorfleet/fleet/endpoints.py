"""Workers over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.errors import Conflict
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.kit.clock import rfc3339


class Scale(BaseModel):
    model_config = ConfigDict(extra="forbid")

    workers: int = Field(ge=1, le=1024, strict=True, description="tasks that the fleet may run at a time")


class Request(Protocol):
    """Leaves an intent (`drain`, `undrain`, or `scale` with `slots`) about a worker for the orchestrator."""

    def __call__(self, worker_id: str, intent: str, **data: Any) -> None: ...


def worker_to_dict(worker: Worker, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    resources = {key: worker.resources.get(key) for key in ("cpus", "memory_bytes", "gpus")}
    return {
        "worker_id": worker.id,
        "name": worker.name,
        "state": worker.state.value,
        "slots": worker.slots,
        "busy": len(tasks),
        "resources": resources,
        "stats": worker.stats,
        "tasks": tasks,
        "joined_at": rfc3339(worker.joined_at),
        "seen_at": rfc3339(worker.seen_at),
    }


def fleet_to_list(workers: SqlWorkerStore) -> list[dict[str, Any]]:
    running = workers.running()
    return [worker_to_dict(worker, running.get(worker.id, [])) for worker in workers.all()]


def build_router(workers: SqlWorkerStore, request: Request) -> APIRouter:
    router = APIRouter(tags=["workers"])

    @router.get("/workers")
    async def list_workers() -> dict[str, Any]:
        return {"items": fleet_to_list(workers), "next_cursor": None}

    @router.get("/workers/{worker_id}")
    async def get_worker(worker_id: str) -> dict[str, Any]:
        worker = workers.get(worker_id)
        return worker_to_dict(worker, workers.running().get(worker_id, []))

    @router.post("/workers/{worker_id}/drain", status_code=202)
    async def drain_worker(worker_id: str, undo: bool = False) -> dict[str, Any]:
        worker = workers.get(worker_id)
        if worker.state is WorkerState.LOST:
            raise Conflict(f"worker {worker_id} does not answer; there is nothing to drain")
        await asyncio.to_thread(request, worker_id, "undrain" if undo else "drain")
        return worker_to_dict(worker, workers.running().get(worker_id, []))

    @router.post("/fleet/scale", status_code=202)
    async def scale_fleet(body: Scale) -> dict[str, Any]:
        worker = _only_worker(workers)
        await asyncio.to_thread(request, worker.id, "scale", slots=body.workers)
        return {"worker_id": worker.id, "workers": body.workers}

    return router


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
