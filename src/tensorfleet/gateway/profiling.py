"""`GET /jobs/{id}/waterfall` and `/profile`: where a job's time went."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter

from tensorfleet.composition import Services
from tensorfleet.errors import NotFound
from tensorfleet.jobs import profiles, waterfall
from tensorfleet.jobs.answers import Profile, Waterfall
from tensorfleet.jobs.model import Event
from tensorfleet.kit.answers import answers
from tensorfleet.kit.clock import rfc3339, utc_now

_PAGE = 1000


def build_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["jobs"])

    @router.get("/jobs/{job_id}/waterfall", responses=answers(Waterfall))
    async def job_waterfall(job_id: str) -> dict[str, Any]:
        """The job's way from submission to its end, by attempt and rank, with their throughput."""
        return await asyncio.to_thread(_waterfall, services, job_id)

    @router.get("/jobs/{job_id}/profile", responses=answers(Profile))
    async def job_profile(job_id: str) -> dict[str, Any]:
        """Where the time of a step went, of a job with `profile: true`."""
        return await asyncio.to_thread(_profile, services, job_id)

    return router


def _waterfall(services: Services, job_id: str) -> dict[str, Any]:
    job = services.jobs.get(job_id)
    attempts = waterfall.waterfall(_events(services, job_id, waterfall.KINDS), utc_now())
    return {
        "job_id": job.id,
        "status": job.status.value,
        "submitted_at": rfc3339(job.created_at),
        "attempts": attempts,
    }


def _profile(services: Services, job_id: str) -> dict[str, Any]:
    """Of the last attempt that has told anything."""
    job = services.jobs.get(job_id)
    found = list(_events(services, job_id, ("profile",)))
    if not found:
        asked = "its profile is not there yet" if job.spec.get("profile") else "it was not profiled"
        raise NotFound(f"job {job_id} is {job.status.value}, and {asked}; ask for one with profile: true")
    attempt = max(int(event.data["attempt"]) for event in found)
    told = {
        int(event.data["rank"]): event.data["profile"] for event in found if event.data["attempt"] == attempt
    }
    ranks = [profiles.read_profile(rank, data) for rank, data in told.items()]
    return {"job_id": job.id, "attempt": attempt, **profiles.describe(ranks)}


def _events(services: Services, job_id: str, kinds: Sequence[str]) -> Iterator[Event]:
    after = 0
    while page := services.log.read_after(after, _PAGE, job_id, kinds):
        yield from page
        after = page[-1].id
