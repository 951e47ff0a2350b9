"""How busy workers were, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from tensorfleet.fleet import answers as read
from tensorfleet.fleet.model import Worker
from tensorfleet.fleet.usage import ALL, MACHINE, Window, window_of
from tensorfleet.fleet.usage_store import SqlUsage
from tensorfleet.kit.answers import answers
from tensorfleet.kit.clock import Clock, rfc3339

Hours = Annotated[float, Query(gt=0, le=24 * 366, description="so far back from now")]
Points = Annotated[int, Query(ge=1, le=1000, description="about so many steps")]
Row = dict[str, Any]


def build_router(store: SqlUsage, get_worker: Callable[[str], Worker], clock: Clock) -> APIRouter:
    router = APIRouter(tags=["workers"])

    @router.get("/workers/{worker_id}/usage", responses=answers(read.WorkerUsage))
    async def worker_usage(worker_id: str, hours: Hours = 24, points: Points = 300) -> JSONResponse:
        """How busy a worker was: CPUs, memory, slots and each GPU, in steps, with the mean and the highest value of each."""
        window = window_of(clock(), hours, points)
        await asyncio.to_thread(get_worker, worker_id)
        rows = await asyncio.to_thread(store.read, worker_id, window)
        steps = [list(step) for _, step in groupby(rows, key=lambda row: row["at"])]
        told = {"worker_id": worker_id, **_about(window), "points": [_worker_point(step) for step in steps]}
        return JSONResponse(told)

    @router.get("/fleet/usage", responses=answers(read.FleetUsage))
    async def fleet_usage(hours: Hours = 24, points: Points = 300) -> JSONResponse:
        """How busy the fleet was: workers, slots, waiting jobs and the mean use of CPUs, in steps."""
        window = window_of(clock(), hours, points)
        rows = await asyncio.to_thread(store.read, ALL, window)
        return JSONResponse({**_about(window), "points": [_fleet_point(row) for row in rows]})

    return router


def _about(window: Window) -> dict[str, Any]:
    return {"from": rfc3339(window.begin), "to": rfc3339(window.end), "step_s": window.step_s}


def _worker_point(step: list[Row]) -> dict[str, Any]:
    machine = next((row for row in step if row["gpu"] == MACHINE), step[0])
    return {**_point(machine), "gpus": [_gpu(row) for row in step if row["gpu"] != MACHINE]}


def _fleet_point(row: Row) -> dict[str, Any]:
    return {**_point(row), **{name: _round(row[name]) for name in ("workers", "queued", "queued_max")}}


def _point(row: Row) -> dict[str, Any]:
    plain = {name: _round(row[name]) for name in ("slots", "busy", "busy_max")}
    return {"at": rfc3339(row["at"]), **_percents(row, "cpu"), **plain}


def _gpu(row: Row) -> dict[str, Any]:
    return {"gpu": row["gpu"], **_percents(row, "utilisation")}


def _percents(row: Row, load: str) -> dict[str, float]:
    return {
        f"{load}_percent": _round(row["load"]),
        f"{load}_percent_max": _round(row["load_max"]),
        "memory_percent": _round(row["memory"]),
        "memory_percent_max": _round(row["memory_max"]),
    }


def _round(value: float) -> float:
    return round(float(value), 2)
