"""Rolls metrics up as they come: follows the log, and writes a segment when a job has enough for one.

A segment is written once and says itself how far it goes, so a crash loses nothing and does nothing twice; of two who roll up the
same, one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import structlog

from tensorfleet.series.columns import reported
from tensorfleet.series.ports import SeriesStore
from tensorfleet.series.segment import PIECE, Segment, segment_of

CURSOR = "series"
SEGMENT_BYTES = 2 << 20
"""Of the log: what a reader has to read of it at most, but for what came within the last moments."""
LARGEST = 4
POINTS_OF_A_PIECE = 16
"""Segments of jobs with very many metrics are larger, up to `LARGEST` times: each metric shall have so many points on average."""
ENTRIES = 2000
CURSOR_LAG = 1000
MOST_JOBS = 10_000

log = structlog.get_logger(__name__)


@dataclass
class _Job:
    """What this process knows of a job: how many bytes of its log are in no segment, and how many are enough for one."""

    waiting: int
    enough: int


class EventLog(Protocol):
    def last_id(self) -> int: ...
    def cursor(self, name: str) -> int: ...
    def save_cursor(self, name: str, position: int) -> None: ...


class Rolling:
    """Follows the log for all jobs."""

    def __init__(self, events: EventLog, store: SeriesStore, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._segment_bytes = segment_bytes
        self._events = events
        self._store = store
        self._position: int | None = None
        self._saved = 0
        self._jobs: dict[str, _Job] = {}

    def once(self) -> int:
        """Takes in one stretch of the log; returns how many entries that were."""
        if self._position is None:
            self._position = self._saved = self._events.cursor(CURSOR)
        # Read before the entries: what is appended in between is then still ahead.
        tail = self._events.last_id()
        found = self._store.grown(self._position, ENTRIES)
        position = found[-1].id if len(found) == ENTRIES else max(tail, found[-1].id if found else 0)
        came: dict[str, int] = {}
        for one in found:
            came[one.job_id] = came.get(one.job_id, 0) + one.bytes
        for job_id, size in came.items():
            self._take(job_id, size, position)
        self._advance(position)
        return len(found)

    def behind(self) -> bool:
        """Whether there is something that it has not seen."""
        position = self._events.cursor(CURSOR) if self._position is None else self._position
        return bool(self._store.grown(position, 1))

    def _take(self, job_id: str, size: int, position: int) -> None:
        job = self._jobs.pop(job_id, None)
        if job is None:
            job = _Job(self._store.waiting_bytes(job_id, position), self._segment_bytes)
        else:
            job.waiting += size
        if job.waiting >= job.enough:
            self._roll(job_id, job, position)
            job.waiting = self._store.waiting_bytes(job_id, position)
        if len(self._jobs) >= MOST_JOBS:
            del self._jobs[next(iter(self._jobs))]  # it will be counted again
        self._jobs[job_id] = job

    def _roll(self, job_id: str, job: _Job, position: int) -> None:
        """Writes as many segments as what the job has up to `position` is enough for."""
        after, size, kept = self._store.rolled(job_id), 0, list[dict[str, Any]]()
        for entry in self._store.entries(job_id, after, position):
            kept.append(entry.data)
            size += entry.bytes
            if size < job.enough:
                continue
            segments = {rank: segment_of(one) for rank, one in reported(kept).items()}
            most = LARGEST * self._segment_bytes
            if not segments:
                continue
            if job.enough < most and _points_of_a_piece(segments.values()) < POINTS_OF_A_PIECE:
                job.enough = min(most, 2 * job.enough)
                continue
            if not self._store.add(job_id, after, entry.id, segments):
                return
            after, size, kept = entry.id, 0, []

    def _advance(self, position: int) -> None:
        self._position = max(self._position or 0, position)
        if self._position - self._saved >= CURSOR_LAG:
            self._events.save_cursor(CURSOR, self._position)
            self._saved = self._position


def _points_of_a_piece(segments: Iterable[Segment]) -> float:
    counts = [np.frombuffer(one.pieces, PIECE)["count"] for one in segments]
    return float(np.concatenate(counts).mean())
