"""How the platform is: which part is well, which is not, and what that means for users."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from tensorfleet import __version__
from tensorfleet.composition import Services
from tensorfleet.errors import TensorFleetError
from tensorfleet.fleet.endpoints import fleet_to_list
from tensorfleet.fleet.model import WorkerState
from tensorfleet.gateway.waker import OrchestratorLink

_MEANING = {
    "database": "nothing can be submitted or read until it is back; running tasks go on",
    "objects": "uploads, downloads and the start of new tasks wait until it is back",
    "orchestrator": "jobs are accepted and wait; running tasks go on",
    "workers": "jobs wait until a worker joins",
}


def build_router(services: Services, link: OrchestratorLink) -> APIRouter:
    """`/health`, `/health/live` and `/health/ready` need no token and tell no secrets; `/worker-activity` does need it."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> JSONResponse:
        parts = await _check(services, link)
        degraded = any(part["status"] != "ok" for part in parts.values())
        body = {"status": "degraded" if degraded else "ok", "version": __version__, "parts": parts}
        return JSONResponse(body, 503 if parts["database"]["status"] != "ok" else 200)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        parts = await _check(services, link)
        missing = [
            name
            for name in ("database", "objects", "orchestrator", "workers")
            if parts[name]["status"] != "ok"
        ]
        return JSONResponse(
            {"status": "ready" if not missing else "not_ready", "missing": missing}, 503 if missing else 200
        )

    @router.get("/worker-activity")
    async def worker_activity() -> dict[str, Any]:
        return {"items": fleet_to_list(services.workers), "jobs": services.job_store.counts()}

    return router


async def _check(services: Services, link: OrchestratorLink) -> dict[str, dict[str, Any]]:
    async def tried(name: str, function: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(3.0):
                await asyncio.to_thread(function)
        except (TensorFleetError, TimeoutError, OSError) as error:
            return {
                "status": "away",
                "detail": str(error) or "no answer within 3 s",
                "meaning": _MEANING[name],
            }
        return {"status": "ok"}

    database, objects, serving = await asyncio.gather(
        tried("database", services.database.ping), tried("objects", services.objects.ping), link.is_serving()
    )
    parts = {"database": database, "objects": objects}
    parts["orchestrator"] = (
        {"status": "ok"} if serving else {"status": "away", "meaning": _MEANING["orchestrator"]}
    )
    if database["status"] != "ok":
        return parts | {"workers": {"status": "unknown"}}
    workers = services.workers.all()
    online = [worker for worker in workers if worker.state is WorkerState.ONLINE]
    fleet: dict[str, Any] = {
        "status": "ok" if online else "away",
        "online": len(online),
        "slots": sum(worker.slots for worker in online),
    }
    if not online:
        fleet["meaning"] = _MEANING["workers"]
    return parts | {"workers": fleet}
