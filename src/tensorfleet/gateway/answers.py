"""What the gateway has answered, and how soon, kept in the database minute by minute."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import structlog

from tensorfleet.errors import TensorFleetError
from tensorfleet.kit.clock import Clock
from tensorfleet.sla.counts import ANSWER_EDGES_S, edge_of, route_class
from tensorfleet.sla.figures import Answers
from tensorfleet.sla.ports import Measurements

PRUNE_S = 3600.0
MOST_KEPT = 100_000
"""Counts that wait while the database is away: some days of them."""
log = structlog.get_logger()
_Key = tuple[datetime, str, float]


class AnswerCounts:
    """Counts in memory what `write` then adds to the database.  Nothing is written where nothing was asked."""

    def __init__(self, measured: Measurements, clock: Clock, keep: timedelta, every_s: float) -> None:
        self._measured = measured
        self._clock = clock
        self._keep = keep
        self._every_s = every_s
        self._counts: dict[_Key, list[int]] = {}
        self._lock = threading.Lock()

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        cls = route_class(method, route)
        if cls is None:
            return
        minute = self._clock().replace(second=0, microsecond=0)
        self._add((minute, cls, edge_of(seconds, ANSWER_EDGES_S)), 1, int(status >= 500))

    def write(self) -> None:
        """Raises nothing: what cannot be written now is written with what comes later."""
        with self._lock:
            counts, self._counts = self._counts, {}
        try:
            self._measured.add_answers(_by_minute(counts))
        except TensorFleetError as error:
            log.warning("what was answered is counted, but not written yet", detail=error.detail)
            for key, (count, errors) in counts.items():
                self._add(key, count, errors)

    def prune(self) -> None:
        now = self._clock()
        with suppress(TensorFleetError):  # at the next turn
            self._measured.prune(now, now - self._keep)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Writes every so often, and at the end."""
        work = asyncio.create_task(self._run())
        try:
            yield
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            await asyncio.to_thread(self.write)

    async def _run(self) -> None:
        pruned_at: datetime | None = None
        while True:
            await asyncio.sleep(self._every_s)
            await asyncio.to_thread(self.write)
            now = self._clock()
            if pruned_at is None or (now - pruned_at).total_seconds() >= PRUNE_S:
                await asyncio.to_thread(self.prune)
                pruned_at = now

    def _add(self, key: _Key, count: int, errors: int) -> None:
        with self._lock:
            if key not in self._counts and len(self._counts) >= MOST_KEPT:
                return
            row = self._counts.setdefault(key, [0, 0])
            row[0] += count
            row[1] += errors


def _by_minute(counts: Mapping[_Key, list[int]]) -> dict[datetime, list[Answers]]:
    found: dict[datetime, list[Answers]] = {}
    for (minute, route, edge_s), (count, errors) in counts.items():
        found.setdefault(minute, []).append(Answers(route, edge_s, count, errors))
    return found
