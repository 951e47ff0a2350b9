"""What series answer over the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant, Page

Rank = Annotated[int, Field(ge=0)]
Number = float | None


class Point(TypedDict):
    step: int | None
    value: Number
    at: Instant


class Series(TypedDict):
    """The course of one metric."""

    name: str
    rank: Rank
    points: list[Point]


class SeriesPage(Page[Series]):
    """The courses of all metrics that were asked for."""

    position: Annotated[int, Field(description="send it back as since, for what came after this answer")]


class SeriesSummary(TypedDict):
    """A metric without its course; `last` is its point with the highest step."""

    name: str
    rank: Rank
    count: int
    min: Number
    max: Number
    last: Point


class SummaryPage(Page[SeriesSummary]):
    """All metrics of a rank, by name."""

    position: Annotated[int, Field(description="as of GET /jobs/{job_id}/metrics")]


class JobSeries(Series):
    """The course of one metric of one job."""

    job_id: str
