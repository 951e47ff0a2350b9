"""Courses as JSON.  A page of charts has tens of thousands of points: they go from columns to bytes, one metric at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from tensorfleet.series.columns import NO_STEP, Columns, Ints, joined
from tensorfleet.series.summary import Course, Summary


def instants(at: Ints) -> list[str]:
    """RFC 3339, as `kit.clock.rfc3339` writes them."""
    return list(np.datetime_as_string(at.astype("datetime64[us]"), timezone="UTC").tolist())


def points_of(columns: Columns) -> list[dict[str, Any]]:
    steps = [None if step == NO_STEP else step for step in columns.step.tolist()]
    rows = zip(steps, columns.value.tolist(), instants(columns.at), strict=True)
    return [{"step": step, "value": value, "at": at} for step, value, at in rows]  # NaN is written as null


def course_json(course: Course, **more: str) -> bytes:
    return orjson.dumps(
        {**more, "name": course.name, "rank": course.rank, "points": points_of(course.points)}
    )


def summaries_json(found: Sequence[Summary]) -> list[bytes]:
    if not found:
        return []
    last = points_of(joined([one.last for one in found]))
    return [
        orjson.dumps(
            {
                "name": one.name,
                "rank": one.rank,
                "count": one.count,
                "min": one.least,
                "max": one.greatest,
                "last": at,
            }
        )
        for one, at in zip(found, last, strict=True)
    ]


def page_json(items: Iterable[bytes], position: int | None = None) -> Iterator[bytes]:
    """A list's page, in pieces."""
    yield b'{"items":['
    between = b""
    for item in items:
        yield between + item
        between = b","
    yield b'],"next_cursor":null' + (b"" if position is None else b',"position":%d' % position) + b"}"
