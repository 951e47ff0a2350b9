"""How the platform is: which part is well, which is not since when, and what that means for users."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from tensorfleet import __version__
from tensorfleet.adapters.redis_link import RedisLink
from tensorfleet.composition import Services
from tensorfleet.errors import TensorFleetError
from tensorfleet.fleet.answers import Activity, Alive, Health, Ready
from tensorfleet.fleet.conditions import LAUNCHER, Leader, SqlConditions
from tensorfleet.fleet.endpoints import fleet_to_list
from tensorfleet.fleet.scaling_endpoints import Signals
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.gateway import parts
from tensorfleet.gateway.parts import Part
from tensorfleet.kit.answers import answers
from tensorfleet.kit.clock import utc_now

ANSWER_S = 3.0
_NO_ANSWER = f"no answer within {ANSWER_S:.0f} s"
_AGAIN = {"Retry-After": "2"}
_FOR_JOBS = ("database", "orchestrator", "workers")
_Found = TypeVar("_Found")


class Serving(Protocol):
    async def serving(self) -> list[bool | None]:
        """As `OrchestratorLink.serving`."""
        ...


class HealthCheck:
    """Asks every part at the same time; what does not answer in time is away."""

    def __init__(self, services: Services, link: Serving, redis: RedisLink | None) -> None:
        self._services = services
        self._link = link
        self._redis = redis
        self._noticed = parts.Noticed()
        store = SqlScalingStore(services.database, services.log)
        self._signals = Signals(services.settings, store, utc_now)

    async def parts(self) -> dict[str, Part]:
        database, objects, serving = await asyncio.gather(
            self._database(), self._objects(), self._link.serving()
        )
        found = {"database": database, "objects": objects}
        found |= await self._in_database(serving, away=database.status != "ok")
        if self._redis is not None:
            found["redis"] = await self._ask_redis(self._redis)
        now = utc_now()
        return {name: self._noticed.dated(name, part, now) for name, part in found.items()}

    async def _database(self) -> Part:
        slow = Part("away", detail=_NO_ANSWER, meaning=parts.DATABASE_AWAY)
        return await _within(lambda: parts.database_part(self._services), slow)

    async def _objects(self) -> Part:
        objects = self._services.objects
        found: Part | None = await _within(lambda: parts.objects_part(objects), None)
        if found is not None:
            return found
        objects.breaker.failed(_NO_ANSWER)  # so that uploads do not have to find out, each for itself
        return Part("away", detail=_NO_ANSWER, meaning=parts.OBJECTS_AWAY)

    async def _in_database(self, serving: list[bool | None], *, away: bool) -> dict[str, Part]:
        services, now = self._services, utc_now()

        def read() -> tuple[Leader | None, Part, Part, Part | None]:
            conditions = SqlConditions(services.database)
            workers = parts.workers_part(services.workers.all(), self._signals.desired())
            launcher = parts.launcher_part(conditions.find(LAUNCHER))
            return conditions.find_leader(), workers, parts.find_tracking(services, now), launcher

        nothing: tuple[Leader | None, Part, Part, Part | None] = (None, parts.UNKNOWN, parts.UNKNOWN, None)
        try:
            leader, workers, tracking, launcher = nothing if away else await _within(read, nothing)
        except TensorFleetError:
            leader, workers, tracking, launcher = nothing
        found = {
            "orchestrator": parts.orchestrator_part(serving, leader, now),
            "workers": workers,
            "tracking": tracking,
        }
        return found if launcher is None else found | {"launcher": launcher}

    async def _ask_redis(self, redis: RedisLink) -> Part:
        try:
            await asyncio.to_thread(redis.ping)
        except TensorFleetError as error:
            return parts.redis_part(error.detail, redis.reading)
        return parts.redis_part(None, redis.reading)


async def _within(function: Callable[[], _Found], otherwise: _Found) -> _Found:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await asyncio.to_thread(function)
    except TimeoutError:
        return otherwise


def build_router(services: Services, check: HealthCheck) -> APIRouter:
    """`/health`, `/health/live` and `/health/ready` need no token and tell no secrets; `/worker-activity` does need it."""
    router = APIRouter(tags=["health"])

    @router.get("/health", name="get_health", responses=answers(Health) | {503: {"model": Health}})
    async def health() -> JSONResponse:
        """Each part of the platform and what its state means for users; 503 when no job can be taken."""
        found = await check.parts()
        degraded = any(part.status != "ok" for part in found.values())
        body = {
            "status": "degraded" if degraded else "ok",
            "version": __version__,
            "accepts_jobs": found["database"].status == "ok",
            "parts": {name: part.to_dict() for name, part in found.items()},
        }
        well = bool(body["accepts_jobs"])
        return JSONResponse(body, 200 if well else 503, headers=None if well else _AGAIN)

    @router.get("/health/live", name="get_liveness", responses=answers(Alive))
    async def live() -> dict[str, str]:
        """Whether the gateway answers at all."""
        return {"status": "ok"}

    @router.get("/health/ready", name="get_readiness", responses=answers(Ready) | {503: {"model": Ready}})
    async def ready() -> JSONResponse:
        """Whether jobs can be taken and run; 503 when not."""
        found = await check.parts()
        missing = [name for name in _FOR_JOBS if found[name].status not in ("ok", "degraded")]
        body = {"status": "ready" if not missing else "not_ready", "missing": missing}
        return JSONResponse(body, 503 if missing else 200, headers=_AGAIN if missing else None)

    @router.get("/worker-activity", name="get_worker_activity", responses=answers(Activity))
    async def worker_activity() -> dict[str, Any]:
        """Workers and job counts in one answer."""
        return {"items": fleet_to_list(services.workers), "jobs": services.job_store.counts()}

    return router
