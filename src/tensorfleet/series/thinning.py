"""Fewer points with the same picture: of each of a chart's columns its least and its greatest value, and both ends.  Pure.

After Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation" (VLDB 2014): columns are equal parts of the
range of steps, so that a chart as wide as there are columns shows the same, whether it is drawn of all points or of these.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tensorfleet.series.columns import NO_STEP, Columns, Floats, Ints, Mask


def starts_of(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """Where runs of equal numbers begin."""
    return (
        np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])) if len(numbers) else np.zeros(0, np.intp)
    )


def columns_for(points: int, stepless: Mask) -> Ints:
    """How many columns there are for each series, if it may have so many points: two points each, beside both ends."""
    return np.maximum(0, (points - 2 - stepless.astype(np.int64)) // 2)


def thinned(found: Columns, points: int, first: int | None = None, last: int | None = None) -> Columns:
    """At most `points` of each series, in their order.

    Args:
        found: by series and step, no step twice.
        first, last: the steps at which the chart begins and ends; where the series does, if they are None.
    """
    if not len(found):
        return found
    starts = starts_of(found.series)
    counts = np.diff(np.append(starts, len(found)))
    if counts.max() <= points:
        return found
    run = np.repeat(np.arange(len(starts)), counts)
    ends = starts + counts - 1
    stepless = found.step[ends] == NO_STEP
    keep = (counts <= points)[run]
    keep[ends] = True
    if points == 1:
        return found.taken(keep)
    keep[starts] = True
    if points > 2:
        keep[np.maximum(starts, ends - stepless)] = True
    many = columns_for(points, stepless)
    inner = (found.step != NO_STEP) & ((many > 0) & (counts > points))[run]
    low = found.bucket[starts] if first is None else np.full(len(starts), first)
    high = found.step[np.maximum(starts, ends - stepless)] if last is None else np.full(len(starts), last)
    column = _column(found.bucket, low[run], high[run], many[run])
    chosen = np.flatnonzero(inner)
    keep[chosen[_extremes(run[chosen] * (int(many.max()) + 1) + column[chosen], found.value[chosen])]] = True
    return found.taken(keep)


def _column(step: Ints, low: Ints, high: Ints, many: Ints) -> Ints:
    """In which of `many` equal parts of low..high a step lies."""
    share = (step - low).astype(np.float64) / np.maximum(1.0, (high - low).astype(np.float64) + 1.0)
    return np.clip((share * many).astype(np.int64), 0, np.maximum(0, many - 1))


def _extremes(group: Ints, value: Floats) -> npt.NDArray[np.intp]:
    """Where the first least and the first greatest value of each group are; of a group without values its first."""
    starts = starts_of(group)
    run = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(group))))
    empty = starts[np.isnan(np.fmin.reduceat(value, starts))] if len(starts) else starts
    found = [empty]
    for reduce in (np.fmin, np.fmax):
        best = reduce.reduceat(value, starts) if len(starts) else value
        found.append(_first_of(np.flatnonzero(value == best[run]), run))
    return np.unique(np.concatenate(found))


def _first_of(places: npt.NDArray[np.intp], run: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return places[starts_of(run[places])]


def fine(found: Columns, size: int) -> tuple[Mask, npt.NDArray[np.intp]]:
    """What is kept of buckets of `size` points each: the first, the least, the greatest, and the last of a series.

    Returns:
        Which points are kept, and the place of each point within its series.
    """
    starts = starts_of(found.series)
    counts = np.diff(np.append(starts, len(found)))
    run = np.repeat(np.arange(len(starts)), counts)
    place = np.arange(len(found)) - starts[run]
    keep = place % size == 0
    keep[starts + counts - 1] = True
    keep[_extremes(run * (int(counts.max(initial=0)) // size + 1) + place // size, found.value)] = True
    return keep, place
