"""Points of many metrics as columns, and what the entries of the event log mean as such."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NO_STEP = 2**62
"""In the place of a step that a point does not have: it comes after all others.  Steps beyond it count as none."""


@dataclass(frozen=True)
class Columns:
    """Points, each of one series.

    Args:
        series: int64 [points], which one, by number.
        step: int64 [points].
        at: int64 [points], microseconds since 1970.
        value: float64 [points], NaN for one that is none.
        bucket: int64 [points], the first step of the bucket that the point stands for; its own step where all points are here.
    """

    series: Ints
    step: Ints
    at: Ints
    value: Floats
    bucket: Ints

    def __len__(self) -> int:
        return len(self.step)

    def taken(self, chosen: Any) -> Columns:
        """Those of an index, a mask or a slice."""
        return Columns(
            self.series[chosen], self.step[chosen], self.at[chosen], self.value[chosen], self.bucket[chosen]
        )


@dataclass(frozen=True)
class Reported:
    """What one rank has reported: `names[columns.series]` in the order of the log."""

    names: list[str]
    columns: Columns


def joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    none = np.zeros(0, np.int64)
    return Columns(
        np.concatenate([none, *(part.series for part in parts)]),
        np.concatenate([none, *(part.step for part in parts)]),
        np.concatenate([none, *(part.at for part in parts)]),
        np.concatenate([np.zeros(0), *(part.value for part in parts)]),
        np.concatenate([none, *(part.bucket for part in parts)]),
    )


def latest(columns: Columns) -> Columns:
    """By series and step; where a step was reported again, the later value counts."""
    narrow = columns.series.astype(np.uint16) if _fits(columns.series) else columns.series
    ordered = columns.taken(np.argsort(narrow, kind="stable"))  # a radix sort, where numbers are small
    same = ordered.series[1:] == ordered.series[:-1]
    if not np.any(same & (ordered.step[1:] <= ordered.step[:-1])):
        return ordered
    ordered = ordered.taken(np.lexsort((ordered.step, ordered.series)))
    repeated = (ordered.series[1:] == ordered.series[:-1]) & (ordered.step[1:] == ordered.step[:-1])
    return ordered.taken(np.append(~repeated, True))


def _fits(series: Ints) -> bool:
    return len(series) > 0 and int(series.max()) < 2**16


def reported(entries: Iterable[dict[str, Any]]) -> dict[int, Reported]:
    """The points of `metrics` entries of the log, by rank; of ranks that have any."""
    found: dict[int, _Rank] = {}
    for entry in entries:
        for point in entry["points"]:
            if point["values"]:
                found.setdefault(entry["rank"], _Rank()).add(point)
    return {rank: one.reported() for rank, one in found.items()}


class _Rank:
    def __init__(self) -> None:
        self._steps: list[int] = []
        self._ats: list[float] = []
        self._counts: list[int] = []
        self._names: list[str] = []
        self._values: list[float | None] = []

    def add(self, point: dict[str, Any]) -> None:
        step, values = point["step"], point["values"]
        self._steps.append(NO_STEP if step is None or not -NO_STEP < step < NO_STEP else int(step))
        self._ats.append(point["at"])
        self._counts.append(len(values))
        self._names += values
        self._values += values.values()

    def reported(self) -> Reported:
        names = sorted(set(self._names))
        number = {name: index for index, name in enumerate(names)}
        steps = np.repeat(np.array(self._steps, np.int64), self._counts)
        ats = np.round(np.array(self._ats, np.float64) * 1e6).astype(np.int64)
        columns = Columns(
            np.fromiter(map(number.__getitem__, self._names), np.int64, len(self._names)),
            steps,
            np.repeat(ats, self._counts),
            np.array(self._values, np.float64),
            steps,
        )
        return Reported(names, columns)
