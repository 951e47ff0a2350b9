"""Courses of metrics, as the API tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tensorfleet.kit.clock import parse_rfc3339
from tensorfleet.sdk.events import Point

MOST_NAMES = 100
Courses = dict[str, list[Point]]


@dataclass(frozen=True)
class MetricSummary:
    """A metric without its course.

    Attributes:
        count: points, of which each step has one.
        min, max: None if no point has a value.
        step: the highest one that was reported.
        value: what was reported there last; None for what is not finite.
    """

    count: int
    min: float | None
    max: float | None
    step: int | None
    value: float | None


def course_of(item: dict[str, Any]) -> list[Point]:
    """The points that have a step and a value."""
    return [
        Point(int(p["step"]), float(p["value"]), parse_rfc3339(p["at"]))
        for p in item["points"]
        if p["value"] is not None and p["step"] is not None
    ]


def summary_of(item: dict[str, Any]) -> MetricSummary:
    last = item["last"]
    return MetricSummary(item["count"], item["min"], item["max"], last["step"], last["value"])


def asked(
    points: int | None, names: Sequence[str] | None, rank: int, steps: tuple[int | None, int | None]
) -> list[dict[str, Any]]:
    """The queries for this, as many names in each as the API takes at once."""
    common = {"points": points, "rank": rank or None, "from_step": steps[0], "to_step": steps[1]}
    if names is None:
        return [common]
    return [{**common, "name": names[at : at + MOST_NAMES]} for at in range(0, len(names), MOST_NAMES)]
