"""Which pieces of which segments a question needs, and whether their roll-up is enough for it.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tensorfleet.series.columns import NO_STEP, Columns, Ints, Mask
from tensorfleet.series.segment import PIECE, Pieces
from tensorfleet.series.thinning import columns_for, starts_of


@dataclass(frozen=True)
class Source:
    """A segment, or a stretch of the log that is in none: then its `points` are here, numbered by piece."""

    after: int
    names: tuple[str, ...]
    pieces: Pieces
    points: Columns | None = None


@dataclass(frozen=True)
class Wanted:
    """What is asked of one rank of a job.

    Args:
        names: None for all.
        points: at most so many of each metric; None for all.
        since: only what the log has after this entry.
        first, last: only steps between these, both included.
    """

    rank: int = 0
    names: frozenset[str] | None = None
    points: int | None = None
    since: int = 0
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class Table:
    """The pieces that matter: of which source, the how-manieth there, and of which series."""

    names: list[str]
    source: Ints
    place: Ints
    series: Ints
    pieces: Pieces
    clean: Mask
    """No other piece of the series has steps between those of this one."""

    def of(self, begin: int, end: int) -> Mask:
        """The pieces of a range of series."""
        return (self.series >= begin) & (self.series < end)

    def numbered(self, source: int, pieces: int, chosen: Mask) -> tuple[Mask, Ints]:
        """Of a source with so many pieces those that are chosen, and the number of the series of each."""
        its = slice(*np.searchsorted(self.source, [source, source + 1]))
        mine = chosen[its]
        mask, series = np.zeros(pieces, bool), np.zeros(pieces, np.int64)
        mask[self.place[its][mine]] = True
        series[self.place[its][mine]] = self.series[its][mine]
        return mask, series


def table_of(sources: Sequence[Source], wanted: Wanted) -> Table:
    known = {name for names in {one.names for one in sources} for name in names}
    names = sorted(known if wanted.names is None else known & wanted.names)
    number = {name: index for index, name in enumerate(names)}
    numbered = {
        names: np.array([number.get(name, -1) for name in names], np.int64)
        for names in {one.names for one in sources}
    }
    source, place, series = [], [], []
    for index, one in enumerate(sources):
        mine = numbered[one.names][one.pieces["name"]]
        chosen = np.flatnonzero((mine >= 0) & _in_range(one.pieces, wanted))
        source.append(np.full(len(chosen), index))
        place.append(chosen)
        series.append(mine[chosen])
    pieces = [one.pieces[chosen] for one, chosen in zip(sources, place, strict=True)]
    none = np.zeros(0, np.int64)
    joined, numbers = np.concatenate([np.zeros(0, PIECE), *pieces]), np.concatenate([none, *series])
    return Table(
        names,
        np.concatenate([none, *source]),
        np.concatenate([none, *place]),
        numbers,
        joined,
        _clean(numbers, joined["first"], joined["last"]),
    )


def _in_range(pieces: Pieces, wanted: Wanted) -> Mask:
    inside = np.ones(len(pieces), bool)
    if wanted.first is not None or wanted.last is not None:
        inside &= pieces["first"] != NO_STEP
    if wanted.first is not None:
        inside &= pieces["last"] >= wanted.first
    if wanted.last is not None:
        inside &= pieces["first"] <= wanted.last
    return inside


def _clean(series: Ints, first: Ints, last: Ints) -> Mask:
    if not len(series):
        return np.zeros(0, bool)
    order = np.lexsort((first, series))
    begins = series[order][1:] != series[order][:-1]
    # How far any piece before has come, within a series: by rank, so that a series stays below the next.
    ranks = np.unique(last, return_inverse=True)[1][order] + series[order] * len(series)
    furthest = _running(ranks, order)
    free = last[furthest[:-1]] < first[order[1:]]
    clean = np.ones(len(series), bool)
    clean[order[1:]] &= begins | free
    clean[order[:-1]] &= begins | (last[order[:-1]] < first[order[1:]])
    return clean


def _running(ranks: Ints, order: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Which piece has come furthest up to each place of the order."""
    greatest = np.maximum.accumulate(ranks)
    leads = np.maximum.accumulate(np.where(ranks == greatest, np.arange(len(ranks)), 0))
    return order[leads]


def thin_enough(table: Table, wanted: Wanted) -> Mask:
    """Of which pieces the roll-up gives the same picture as all of their points."""
    pieces = table.pieces
    single: Mask = pieces["count"] == 1
    if wanted.points is None or not len(pieces):
        return single
    size = len(table.names)
    stepped = pieces["first"] != NO_STEP
    total = np.bincount(table.series, pieces["count"], size)
    stepless = np.bincount(table.series, ~stepped, size) > 0
    low = np.full(size, NO_STEP)
    high = np.full(size, -NO_STEP)
    np.minimum.at(low, table.series[stepped], pieces["first"][stepped])
    np.maximum.at(high, table.series[stepped], pieces["last"][stepped])
    low = np.maximum(low, wanted.first) if wanted.first is not None else low
    high = np.minimum(high, wanted.last) if wanted.last is not None else high
    many = columns_for(wanted.points, stepless)
    width = (high - low).astype(np.float64) / np.maximum(1, many)
    at = table.series
    inside = (pieces["first"] >= low[at]) & (pieces["last"] <= high[at])
    fits = (total > wanted.points)[at] & (many > 0)[at] & (2.0 * pieces["widest"] <= width[at])
    enough: Mask = single | (table.clean & inside & fits)
    return enough


def batches(table: Table, thin: Mask, most: int) -> list[tuple[int, int]]:
    """Ranges of series that have about `most` points together, or are one."""
    if not len(table.names):
        return []
    points = np.where(thin, table.pieces["thin"], table.pieces["count"])
    summed = np.cumsum(np.bincount(table.series, points, len(table.names)))
    begins = starts_of((summed / most).astype(np.int64))
    return list(zip(begins.tolist(), [*begins[1:].tolist(), len(table.names)], strict=True))
