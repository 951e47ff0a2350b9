"""A metric in a few numbers, of its course or of what its pieces say of themselves.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tensorfleet.series.columns import NO_STEP, Columns, Mask
from tensorfleet.series.plan import Table
from tensorfleet.series.thinning import starts_of


@dataclass(frozen=True)
class Course:
    """One metric; `points` by step."""

    name: str
    rank: int
    points: Columns


@dataclass(frozen=True)
class Summary:
    """One metric without its course; NaN where there is no value.

    Args:
        last: one point, that of the highest step.
    """

    name: str
    rank: int
    count: int
    least: float
    greatest: float
    last: Columns


def of_course(course: Course) -> Summary:
    points = course.points
    stepped = len(points) - int(points.step[-1] == NO_STEP)
    last = points.taken(slice(max(0, stepped - 1), max(1, stepped)))
    least, greatest = np.fmin.reduce(points.value), np.fmax.reduce(points.value)
    return Summary(course.name, course.rank, len(points), float(least), float(greatest), last)


def of_pieces(table: Table, chosen: Mask, rank: int) -> list[Summary]:
    """Of series whose pieces have no step in common."""
    pieces, series = table.pieces[chosen], table.series[chosen]
    if not len(series):
        return []
    order = np.lexsort((np.where(pieces["first"] == NO_STEP, -NO_STEP, pieces["last"]), series))
    pieces, series = pieces[order], series[order]
    starts = starts_of(series)
    counts = np.add.reduceat(pieces["count"].astype(np.int64), starts)
    least = np.fmin.reduceat(pieces["low"], starts)
    greatest = np.fmax.reduceat(pieces["high"], starts)
    ends = np.append(starts[1:], len(series)) - 1
    last = Columns(
        series[ends], pieces["last"][ends], pieces["at"][ends], pieces["value"][ends], pieces["last"][ends]
    )
    return [
        Summary(
            table.names[series[at]],
            rank,
            int(counts[n]),
            float(least[n]),
            float(greatest[n]),
            last.taken(slice(n, n + 1)),
        )
        for n, at in enumerate(starts)
    ]
