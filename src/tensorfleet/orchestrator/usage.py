"""Writes down how busy the fleet is, beside the engine, which waits for none of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from tensorfleet.errors import TensorFleetError
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.fleet.usage import FINE_S, samples_of
from tensorfleet.fleet.usage_store import SqlUsage
from tensorfleet.kit.clock import Clock

EVERY_S = FINE_S / 2
"""So that no row stays empty because a look came a moment late."""
log = structlog.get_logger()


class UsageWatch:
    """One per leader.  `waiting` tells how many jobs wait."""

    def __init__(
        self, workers: SqlWorkerStore, store: SqlUsage, waiting: Callable[[], int], clock: Clock
    ) -> None:
        self._workers = workers
        self._store = store
        self._waiting = waiting
        self._clock = clock

    async def run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.look, self._waiting())
            except TensorFleetError as error:
                log.warning("how busy the fleet is was not written down", detail=error.detail)
            await asyncio.sleep(EVERY_S)

    def look(self, waiting: int) -> None:
        samples = samples_of(self._workers.all(), self._store.busy(), waiting)
        self._store.add(self._clock(), samples)
