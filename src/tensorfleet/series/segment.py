"""A stretch of the log as columns: what one rank reported in it, whole and rolled up.

For each series there is a piece: its points by step, no step twice. Points without a step are a piece of their own, behind it.
Of every `BUCKET` points the roll-up has the first, the least and the greatest, and the last of the piece.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tensorfleet.series.columns import NO_STEP, Columns, Ints, Mask, Reported, latest
from tensorfleet.series.thinning import fine, starts_of

BUCKET = 64
PIECE = np.dtype(
    [
        ("name", "<u4"),
        ("count", "<u4"),
        ("thin", "<u4"),  # points in the roll-up
        ("first", "<i8"),
        ("last", "<i8"),
        ("widest", "<i8"),  # the longest way in steps from the first to the last point of a bucket
        ("low", "<f8"),
        ("high", "<f8"),
        ("value", "<f8"),  # the last one
        ("at", "<i8"),
    ]
)
Pieces = npt.NDArray[Any]
"""An array of `PIECE`."""


@dataclass(frozen=True)
class Segment:
    """`pieces` are sorted by name; `thin` and `whole` hold their points one after the other."""

    names: str
    pieces: bytes
    thin: bytes
    whole: bytes


@dataclass(frozen=True)
class Head:
    """What a segment says of itself: the entries of the log after `after` up to `upto`, of one rank."""

    after: int
    upto: int
    names: tuple[str, ...]
    pieces: Pieces


def segment_of(found: Reported) -> Segment:
    columns, pieces = by_piece(found)
    keep, place = fine(columns, BUCKET)
    pieces["thin"] = np.add.reduceat(keep, starts_of(columns.series))
    thin = columns.taken(keep)
    # Values first: PostgreSQL, which would else try in vain to compress it all, sees at once that it is of no use.
    packed = [thin.value, place[keep].astype("<u4"), thin.step, thin.at]
    whole = [columns.value, columns.step, columns.at]
    return Segment(
        json.dumps(found.names), pieces.tobytes(), b"".join(map(_bytes, packed)), b"".join(map(_bytes, whole))
    )


def by_piece(found: Reported) -> tuple[Columns, Pieces]:
    """The points by piece, each step once; `series` counts the pieces."""
    given = found.columns
    stepless = given.step == NO_STEP
    columns = latest(Columns(2 * given.series + stepless, given.step, given.at, given.value, given.bucket))
    starts = starts_of(columns.series)
    counts = np.diff(np.append(starts, len(columns)))
    ends = starts + counts - 1
    pieces = np.zeros(len(starts), PIECE)
    pieces["name"] = columns.series[starts] // 2
    pieces["count"] = counts
    pieces["first"], pieces["last"] = columns.step[starts], columns.step[ends]
    pieces["low"] = np.fmin.reduceat(columns.value, starts)
    pieces["high"] = np.fmax.reduceat(columns.value, starts)
    pieces["value"], pieces["at"] = columns.value[ends], columns.at[ends]
    pieces["widest"] = _widest(columns, starts, counts)
    return replace(columns, series=np.repeat(np.arange(len(starts)), counts)), pieces


def _widest(columns: Columns, starts: npt.NDArray[np.intp], counts: npt.NDArray[np.intp]) -> Any:
    run = np.repeat(np.arange(len(starts)), counts)
    place = np.arange(len(columns)) - starts[run]
    begins = np.flatnonzero(place % BUCKET == 0)
    ends = np.append(begins[1:], len(columns)) - 1
    return np.maximum.reduceat(columns.step[ends] - columns.step[begins], starts_of(run[begins]))


def _bytes(column: npt.NDArray[Any]) -> bytes:
    return column.astype(column.dtype.newbyteorder("<")).tobytes()


def head_of(after: int, upto: int, names: tuple[str, ...], pieces: bytes) -> Head:
    return Head(after, upto, names, np.frombuffer(pieces, PIECE))


def names_of(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def whole_points(pieces: Pieces, data: bytes, chosen: Mask, series: Ints) -> Columns:
    """All points of some pieces; `series` has the number of each piece's series."""
    counts = pieces["count"].astype(np.int64)
    mask = np.repeat(chosen, counts)
    value, step, at = _unpacked(data, int(counts.sum()), ("<f8", "<i8", "<i8"))
    step = step[mask]
    return Columns(np.repeat(series, counts)[mask], step, at[mask], value[mask], step)


def thin_points(pieces: Pieces, data: bytes, chosen: Mask, series: Ints) -> Columns:
    """The roll-up of some pieces."""
    counts = pieces["thin"].astype(np.int64)
    mask = np.repeat(chosen, counts)
    value, place, step, at = _unpacked(data, int(counts.sum()), ("<f8", "<u4", "<i8", "<i8"))
    begins = place[mask] % BUCKET == 0  # a bucket's first point is always there
    step = step[mask]
    bucket = step[begins][np.cumsum(begins) - 1] if len(step) else step
    return Columns(np.repeat(series, counts)[mask], step, at[mask], value[mask], bucket)


def _unpacked(data: bytes, length: int, kinds: tuple[str, ...]) -> list[npt.NDArray[Any]]:
    found, offset = [], 0
    for kind in kinds:
        found.append(np.frombuffer(data, kind, length, offset))
        offset += length * np.dtype(kind).itemsize
    return found
