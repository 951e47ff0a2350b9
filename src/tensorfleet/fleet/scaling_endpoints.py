"""The autoscaler over HTTP: what it decided and why, the signal for others, and the number that a person sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.errors import Conflict, Unavailable
from tensorfleet.fleet import answers as read
from tensorfleet.fleet.endpoints import Request
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.kit.answers import answers
from tensorfleet.kit.clock import Clock, rfc3339
from tensorfleet.settings import Settings

STALE_LOOKS = 3
STALE_LEAST_S = 30.0
OFF = "autoscaling is off; set autoscale.enabled in tensorfleet.yaml and start the platform again"


class Target(BaseModel):
    model_config = ConfigDict(extra="forbid")

    workers: int | None = Field(
        ge=0,
        le=1024,
        strict=True,
        description="so many workers until further notice; null: as load and queue say",
    )


class Signals:
    """The latest signal, as long as it is fresh: an old one would say that a fleet is idle of which nothing is known."""

    def __init__(self, settings: Settings, store: SqlScalingStore, clock: Clock) -> None:
        self.store = store
        self.settings = settings.autoscale
        self._clock = clock

    def read(self) -> dict[str, Any]:
        """`desired_workers, workers, load, queue, at`.

        Raises:
            Conflict: autoscaling is off.
            Unavailable: nobody has looked at the fleet for a while, or what it saw was not enough to say.
        """
        if not self.settings.enabled:
            raise Conflict(OFF)
        found = self.store.find_state()
        if found is None:
            raise Unavailable(
                "nobody has looked at the fleet's size yet; the orchestrator does so when it leads"
            )
        at, state = found
        limit_s = max(STALE_LEAST_S, STALE_LOOKS * self.settings.monitoring_interval)
        age_s = (self._clock() - at).total_seconds()
        if age_s > limit_s:
            raise Unavailable(
                f"the fleet's size was last looked at {age_s:.0f} s ago; is the orchestrator running?"
            )
        signal = dict(state["signal"])
        return {"desired_workers": signal.pop("desired"), **signal, "at": rfc3339(at)}

    def desired(self) -> int | None:
        """How many workers are wanted; None when nobody can say."""
        try:
            return int(self.read()["desired_workers"])
        except (Conflict, Unavailable):
            return None


def build_router(signals: Signals, request: Request, shown: Callable[[Any], Any]) -> APIRouter:
    """`shown` takes out of an answer what the caller may not see."""
    router = APIRouter(tags=["workers"])

    @router.get("/fleet/signal", responses=answers(read.Signal, 200, 409))
    async def get_signal() -> JSONResponse:
        """How many workers load and queue ask for; 503 when that is not known."""
        return JSONResponse(await asyncio.to_thread(signals.read))

    @router.get("/fleet/scaling", responses=answers(read.Scaling))
    async def get_scaling(limit: int = Query(20, ge=1, le=200)) -> JSONResponse:
        """What the autoscaler wants, and its latest decisions with their reasons."""
        return JSONResponse(await asyncio.to_thread(lambda: dict(shown(scaling_to_dict(signals, limit)))))

    @router.post("/fleet/target", status_code=202, responses=answers(read.TargetRead, 202, 409))
    async def set_target(body: Target) -> dict[str, Any]:
        """Sets the number of workers by hand; null ends that."""
        if not signals.settings.enabled:
            raise Conflict(OFF)
        await asyncio.to_thread(request, "", "target", workers=body.workers)
        return {"workers": body.workers}

    return router


def scaling_to_dict(signals: Signals, limit: int) -> dict[str, Any]:
    settings = signals.settings
    found = signals.store.find_state() if settings.enabled else None
    state = {"at": rfc3339(found[0]), **found[1]} if found else None
    decisions = [{"at": rfc3339(at), **data} for at, data in signals.store.decisions(limit)]
    limits = settings.model_dump(mode="json", by_alias=True)
    return {"enabled": settings.enabled, "settings": limits, "state": state, "decisions": decisions}
