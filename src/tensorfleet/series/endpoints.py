"""The courses of metrics over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.answers import Page, answers
from tensorfleet.series import answers as read
from tensorfleet.series.columns import NO_STEP
from tensorfleet.series.plan import Wanted
from tensorfleet.series.service import SeriesService
from tensorfleet.series.wire import course_json, page_json, summaries_json

MOST_RANK = 2**31 - 1
MOST_NAMES = 100
MOST_COMPARED = 20
LARGE = 200_000
"""Points from which on an answer is sent as it is made, so that it never stands in memory as a whole."""

JobId = Annotated[str, Path(description="a job's id")]
Since = Annotated[int, Query(ge=0, le=2**62, description="position of an answer before: what came after it")]
Points = Annotated[
    int | None,
    Query(ge=1, le=100_000, description="of each metric at most, with its extremes; all when left out"),
]
Name = Annotated[str, Field(max_length=1000)]
Names = Annotated[list[Name] | None, Query(max_length=MOST_NAMES, description="these metrics alone")]
Rank = Annotated[int, Query(ge=0, le=MOST_RANK)]
Step = Annotated[int | None, Query(gt=-NO_STEP, lt=NO_STEP, description="included")]
JSON = "application/json"


def build_router(series: SeriesService, find: Callable[[str], object]) -> APIRouter:
    """`find` raises NotFound for a job that the caller may not see."""
    router = APIRouter(tags=["jobs"])

    @router.get("/jobs/{job_id}/metrics", responses=answers(read.SeriesPage))
    async def job_metrics(
        job_id: JobId,
        since: Since = 0,
        points: Points = None,
        rank: Rank = 0,
        name: Names = None,
        from_step: Step = None,
        to_step: Step = None,
    ) -> Response:
        """The course of each metric that a rank has reported; with `points` thinned out, but for the extremes."""
        wanted = _wanted(rank, name, points, since, from_step, to_step)
        return await asyncio.to_thread(_courses, series, find, job_id, wanted)

    @router.get("/jobs/{job_id}/metrics/summary", responses=answers(read.SummaryPage))
    async def job_metrics_summary(job_id: JobId, rank: Rank = 0) -> Response:
        """Each metric that a rank has reported, without its course."""
        return await asyncio.to_thread(_summary, series, find, job_id, rank)

    @router.get("/metrics", responses=answers(Page[read.JobSeries], 200, 404))
    async def compare_metrics(
        job_id: Annotated[
            list[Annotated[str, Field(max_length=64)]], Query(min_length=1, max_length=MOST_COMPARED)
        ],
        name: Annotated[list[Name], Query(min_length=1, max_length=MOST_COMPARED)],
        points: Annotated[int, Query(ge=1, le=2000, description="of each metric of each job")] = 300,
        rank: Rank = 0,
        from_step: Step = None,
        to_step: Step = None,
    ) -> Response:
        """The same metrics of several jobs."""
        wanted = _wanted(rank, name, points, 0, from_step, to_step)
        return await asyncio.to_thread(_compared, series, find, job_id, wanted)

    return router


def _wanted(
    rank: int, names: list[str] | None, points: int | None, since: int, first: int | None, last: int | None
) -> Wanted:
    if first is not None and last is not None and first > last:
        raise InvalidInput(f"from_step {first} is after to_step {last}; swap them")
    return Wanted(rank, None if names is None else frozenset(names), points, since, first, last)


def _courses(series: SeriesService, find: Callable[[str], object], job_id: str, wanted: Wanted) -> Response:
    find(job_id)
    answer = series.read(job_id, wanted)
    pieces = page_json(map(course_json, answer.courses), answer.position)
    if answer.points > LARGE:
        return StreamingResponse(pieces, media_type=JSON)
    return Response(b"".join(pieces), media_type=JSON)


def _summary(series: SeriesService, find: Callable[[str], object], job_id: str, rank: int) -> Response:
    find(job_id)
    summaries, position = series.summary(job_id, rank)
    return Response(b"".join(page_json(summaries_json(summaries), position)), media_type=JSON)


def _compared(
    series: SeriesService, find: Callable[[str], object], job_ids: list[str], wanted: Wanted
) -> Response:
    job_ids = list(dict.fromkeys(job_ids))
    for job_id in job_ids:
        find(job_id)
    found = (
        course_json(course, job_id=job_id)
        for job_id in job_ids
        for course in series.read(job_id, wanted).courses
    )
    return Response(b"".join(page_json(found)), media_type=JSON)
