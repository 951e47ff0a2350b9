"""Tells everybody when a launcher is in trouble: it does not answer, or agents that it was asked for do not come up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from tensorfleet.errors import TensorFleetError
from tensorfleet.fleet.conditions import LAUNCHER, Condition
from tensorfleet.fleet.ports import Launched, LaunchState
from tensorfleet.kit.clock import Clock

PATIENCE = timedelta(seconds=30)
"""So long an agent may take to come up before that is trouble."""
AWAY_AFTER = timedelta(seconds=5)
"""A launcher that misses a question or two, or is itself just being started, is not away."""
SHOWN = 3


class Told(Protocol):
    """What was last told of a part, and may be replaced."""

    def report(self, condition: Condition) -> None: ...

    def find(self, name: str) -> Condition | None: ...


class LauncherTrouble:
    """One per leader.  `call` runs a function that may wait for the database."""

    def __init__(
        self, told: Told, clock: Clock, call: Callable[[Callable[[], object]], Awaitable[object]]
    ) -> None:
        self._told = told
        self._clock = clock
        self._call = call
        self._down_since: dict[str, datetime] = {}
        self._silent_since: datetime | None = None
        self._now: tuple[str, str | None] | None = None
        """Status and detail as last told; None where an earlier leader may have told something else."""

    async def look(self, launched: Sequence[Launched] | None, refusal: str) -> None:
        """Takes in one answer of the launcher, None for no answer, and what it could not do, if anything."""
        now = self._clock()
        self._silent_since = None if launched is not None else self._silent_since or now
        if self._silent_since is not None and now - self._silent_since < AWAY_AFTER:
            return
        found = ("away", refusal) if launched is None else self._judged(launched, refusal, now)
        if found == self._now:
            return
        try:
            await self._call(lambda: self._tell(found, now))
            self._now = found
        except TensorFleetError:
            return  # the database is away: told at the next look

    def _judged(self, launched: Sequence[Launched], refusal: str, now: datetime) -> tuple[str, str | None]:
        down = [one for one in launched if one.state is not LaunchState.UP]
        self._down_since = {one.worker_id: self._down_since.get(one.worker_id, now) for one in down}
        late = [one for one in down if now - self._down_since[one.worker_id] >= PATIENCE]
        detail = refusal or without_place(late)
        return ("degraded", detail) if detail else ("ok", None)

    def _tell(self, found: tuple[str, str | None], now: datetime) -> None:
        before = self._told.find(LAUNCHER)
        if before is None and found[0] == "ok":
            return  # a launcher that was never in trouble is not worth a word
        if before is not None and before.status == found[0]:
            self._told.report(replace(before, detail=found[1]))
        else:
            self._told.report(Condition(LAUNCHER, found[0], self._silent_since or now, found[1]))


def without_place(late: Sequence[Launched]) -> str:
    """Which agents do not come up, and why, as one sentence; empty when all do."""
    if not late:
        return ""
    told = [f"{one.worker_id} ({one.detail or one.state.value})" for one in late[:SHOWN]]
    told += [f"{len(late) - SHOWN} more"] if len(late) > SHOWN else []
    return f"{len(late)} {'agent is' if len(late) == 1 else 'agents are'} not up: {', '.join(told)}"
