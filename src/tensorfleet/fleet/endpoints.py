"""Workers over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from tensorfleet.errors import Conflict
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.kit.clock import rfc3339


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


def build_router(workers: SqlWorkerStore, request: Callable[[str, str], None]) -> APIRouter:
    """`request(worker_id, intent)` leaves an intent (`drain`, `undrain`) for the orchestrator."""
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
        request(worker_id, "undrain" if undo else "drain")
        return worker_to_dict(worker, workers.running().get(worker_id, []))

    return router
