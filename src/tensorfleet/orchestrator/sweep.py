"""Gives back what a launcher runs and nobody has any use for, and says so in the log of decisions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import structlog

from tensorfleet.fleet.leases import renewed
from tensorfleet.fleet.ports import Launched, Launcher

Note = Callable[[dict[str, Any]], Awaitable[None]]
MOST_NAMED = 10
log = structlog.get_logger()


class Sweep:
    """`limit_s`: how long an agent may be without its worker.  `note` writes into the log of decisions."""

    def __init__(
        self, launcher: Launcher, limit_s: float, note: Note, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._launcher = launcher
        self._limit_s = limit_s
        self._note = note
        self._clock = clock
        self._leases: dict[str, float] = {}

    async def look(self, found: Sequence[Launched], here: Collection[str], wanted: Collection[str]) -> None:
        self._leases, over = renewed(self._leases, found, here, wanted, self._clock(), self._limit_s)
        for worker_id in over:
            await asyncio.to_thread(self._launcher.release, worker_id)
        if over:
            await self.tell(over, len(here))

    async def tell(self, given_back: Mapping[str, str], workers: int) -> None:
        """What was given back, each with why."""
        named = [f"{worker_id}: {why}" for worker_id, why in given_back.items()]
        rest = f"; and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        agents = "1 agent was" if len(named) == 1 else f"{len(named)} agents were"
        reason = f"{agents} given back: {'; '.join(named[:MOST_NAMED])}{rest}"
        log.warning("the fleet is swept", reason=reason)
        await self._note(
            {
                "action": "sweep",
                "reason": reason,
                "releases": sorted(given_back),
                "signal": {"workers": workers, "desired": workers, "load": 0.0, "queue": 0},
            }
        )
