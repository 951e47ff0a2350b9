"""`/jobs/{id}/plots`: what was measured of a model, as pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from tensorfleet.errors import NotFound
from tensorfleet.jobs.answers import Plot
from tensorfleet.jobs.plots import Series, draw_plot, plot_names
from tensorfleet.jobs.service import JobService
from tensorfleet.kit.answers import Page, answers

_POINTS = 500
Courses = Callable[[str, int], Series]
_HEADERS = {
    # A picture that is opened by itself is a document: it may run nothing and ask for nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class Svg(Response):
    media_type = "image/svg+xml"


def build_router(jobs: JobService, courses: Courses) -> APIRouter:
    """`courses(job_id, points)` are those of a job's metrics, with at most so many points each."""
    router = APIRouter(tags=["jobs"])

    @router.get("/jobs/{job_id}/plots", responses=answers(Page[Plot]))
    async def list_plots(job_id: str) -> dict[str, Any]:
        """Which pictures of its evaluation and its metrics there are."""
        names = await asyncio.to_thread(lambda: plot_names(*_recorded(jobs, courses, job_id)))
        items = [{"name": name, "url": f"/api/v1/jobs/{job_id}/plots/{name}.svg"} for name in names]
        return {"items": items, "next_cursor": None}

    @router.get("/jobs/{job_id}/plots/{name}.svg", response_class=Svg)
    async def get_plot(job_id: str, name: str) -> Response:
        """One of the pictures."""
        svg = await asyncio.to_thread(lambda: draw_plot(name, *_recorded(jobs, courses, job_id)))
        return Response(svg, media_type="image/svg+xml", headers=_HEADERS)

    return router


def _recorded(jobs: JobService, courses: Courses, job_id: str) -> tuple[dict[str, Any], Series]:
    """The job's evaluation, empty while it has none, and its metrics."""
    try:
        evaluation = jobs.evaluation(job_id)["evaluation"]
    except NotFound:
        jobs.get(job_id)
        evaluation = {}
    return evaluation, courses(job_id, _POINTS)
