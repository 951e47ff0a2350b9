"""The courses of metrics: what is rolled up, and what the log has beyond that, as one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from tensorfleet.series.columns import NO_STEP, Columns, Mask, joined, latest, reported
from tensorfleet.series.plan import Source, Table, Wanted, batches, table_of, thin_enough
from tensorfleet.series.ports import Entry, SeriesStore
from tensorfleet.series.segment import by_piece, thin_points, whole_points
from tensorfleet.series.summary import Course, Summary, of_course, of_pieces
from tensorfleet.series.thinning import starts_of, thinned

BATCH_POINTS = 1_000_000
READERS = 4
"""So many at a time load so many points each, about: more would take memory, and be no sooner."""


@dataclass(frozen=True)
class Answer:
    """
    Args:
        position: the last entry of the log that is in it, to ask from there on.
        points: there are about so many, rather fewer.
    """

    position: int
    points: int
    courses: Iterator[Course]


class SeriesService:
    """Reads what one rank of a job has reported.  Thread-safe."""

    def __init__(self, store: SeriesStore) -> None:
        self._store = store
        self._room = threading.BoundedSemaphore(READERS)

    def read(self, job_id: str, wanted: Wanted) -> Answer:
        """Each metric by its name, with its points by step.  Where a step was reported again, the later value counts."""
        sources, position = self._sources(job_id, wanted)
        table = table_of(sources, wanted)
        stored = np.array([one.points is None for one in sources], bool)
        thin = thin_enough(table, wanted) & stored[table.source]
        counts = np.bincount(table.series, table.pieces["count"], len(table.names))
        points = np.minimum(counts, wanted.points or np.inf).sum()
        return Answer(position, int(points), self._courses(job_id, wanted, sources, table, thin))

    def summary(self, job_id: str, rank: int) -> tuple[list[Summary], int]:
        """Each metric by its name, and the last entry of the log that is in this."""
        wanted = Wanted(rank)
        sources, position = self._sources(job_id, wanted)
        table = table_of(sources, wanted)
        apart = np.bincount(table.series, ~table.clean, len(table.names)) > 0
        repeated = apart[table.series]
        found = of_pieces(table, ~repeated, rank)
        found += map(of_course, self._courses(job_id, wanted, sources, table, ~repeated, repeated))
        return sorted(found, key=attrgetter("name")), position

    def drawn(self, job_id: str, points: int) -> dict[str, list[tuple[float, float]]]:
        """What rank 0 has reported as a chart needs it: each metric's steps and values, where it has both."""
        found = {}
        for course in self.read(job_id, Wanted(points=points)).courses:
            shown = course.points
            shown = shown.taken((shown.step != NO_STEP) & ~np.isnan(shown.value))
            found[course.name] = list(
                zip(shown.step.astype(float).tolist(), shown.value.tolist(), strict=True)
            )
        return found

    def _sources(self, job_id: str, wanted: Wanted) -> tuple[list[Source], int]:
        # Before the heads: what is rolled up in between is read from the log.
        rolled = self._store.rolled(job_id)
        heads = [head for head in self._store.heads(job_id, wanted.rank, wanted.since) if head.upto <= rolled]
        sources = [Source(head.after, head.names, head.pieces) for head in heads]
        if 0 < wanted.since < rolled:
            before = self._store.entries(job_id, wanted.since, heads[0].after if heads else rolled)
            sources = [*_live(before, wanted.rank)[0], *sources]
        rest, position = _live(self._store.entries(job_id, max(wanted.since, rolled)), wanted.rank)
        return [*sources, *rest], max(position, rolled, wanted.since)

    def _courses(
        self,
        job_id: str,
        wanted: Wanted,
        sources: Sequence[Source],
        table: Table,
        thin: Mask,
        chosen: Mask | None = None,
    ) -> Iterator[Course]:
        """`chosen`: only these pieces; all when left out."""
        for begin, end in batches(table, thin, BATCH_POINTS):
            mine = table.of(begin, end) & (True if chosen is None else chosen)
            with self._room:
                found = latest(joined(list(self._loaded(job_id, wanted.rank, sources, table, mine, thin))))
                found = _between(found, wanted)
                if wanted.points is not None:
                    found = thinned(found, wanted.points, wanted.first, wanted.last)
            starts = starts_of(found.series)
            for at, until in zip(starts, [*starts, len(found)][1:], strict=True):
                yield Course(table.names[found.series[at]], wanted.rank, found.taken(slice(at, until)))

    def _loaded(
        self, job_id: str, rank: int, sources: Sequence[Source], table: Table, mine: Mask, thin: Mask
    ) -> Iterator[Columns]:
        """The points of these pieces, in the order of the log."""
        parts: list[tuple[int, Columns]] = []
        for whole in (False, True):
            chosen = mine & (thin != whole)
            stored: dict[int, int] = {}
            for index in np.unique(table.source[chosen]).tolist():
                source = sources[index]
                if source.points is None:
                    stored[source.after] = index
                else:
                    mask, series = table.numbered(index, len(source.pieces), chosen)
                    points = source.points.taken(mask[source.points.series])
                    parts.append((index, replace(points, series=series[points.series])))
            unpack = whole_points if whole else thin_points
            for after, data in self._store.blobs(job_id, rank, list(stored), whole=whole):
                index = stored[after]
                pieces = sources[index].pieces
                parts.append((index, unpack(pieces, data, *table.numbered(index, len(pieces), chosen))))
        for _, points in sorted(parts, key=itemgetter(0)):
            yield points


def _live(entries: Iterable[Entry], rank: int) -> tuple[list[Source], int]:
    """What stands in no segment, as a segment would have it, and the last entry of it."""
    kept, position = list[dict[str, Any]](), 0
    for entry in entries:
        position = entry.id
        if entry.data["rank"] == rank:
            kept.append(entry.data)
    found = reported(kept).get(rank)
    if found is None:
        return [], position
    points, pieces = by_piece(found)
    return [Source(position, tuple(found.names), pieces, points)], position


def _between(found: Columns, wanted: Wanted) -> Columns:
    if wanted.first is None and wanted.last is None:
        return found
    inside = found.step != NO_STEP
    inside &= found.step >= wanted.first if wanted.first is not None else True
    inside &= found.step <= wanted.last if wanted.last is not None else True
    return found.taken(inside)
