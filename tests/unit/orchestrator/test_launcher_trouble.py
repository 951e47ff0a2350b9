from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tensorfleet.errors import Unavailable
from tensorfleet.fleet.conditions import LAUNCHER, Condition
from tensorfleet.fleet.ports import Launched, LaunchState
from tensorfleet.orchestrator.launcher_trouble import AWAY_AFTER, PATIENCE, LauncherTrouble, without_place

BEGIN = datetime(2026, 3, 4, 10, 2, tzinfo=UTC)
AWAY = "Ray has not answered within 2 s"
WAITS = "it waits for a place (1 CPU)"


def agent(worker_id: str, state: LaunchState = LaunchState.STARTING, detail: str = WAITS) -> Launched:
    return Launched(worker_id, "small", state, "", detail)


class Told:
    """What is told; `away` as a database that does not answer."""

    def __init__(self, before: Condition | None = None) -> None:
        self.last = before
        self.count = 0
        self.away = False

    def report(self, condition: Condition) -> None:
        self.last, self.count = condition, self.count + 1

    def find(self, name: str) -> Condition | None:
        if self.away:
            raise Unavailable("the database is away")
        return self.last


class Watched:
    def __init__(self, told: Told) -> None:
        self.now = BEGIN
        self.trouble = LauncherTrouble(told, lambda: self.now, self._call)

    @staticmethod
    async def _call(function: Callable[[], object]) -> object:
        return function()

    def look(self, launched: list[Launched] | None, refusal: str = "", after_s: float = 1.0) -> None:
        self.now += timedelta(seconds=after_s)
        asyncio.run(self.trouble.look(launched, refusal))


def test_a_launcher_that_is_away_is_told_once_and_is_well_again_later() -> None:
    told = Told()
    watched = Watched(told)
    watched.look([])
    assert told.last is None, "it was never in trouble"
    watched.look(None, AWAY)
    silent_since = watched.now
    watched.look(None, AWAY, after_s=AWAY_AFTER.total_seconds() - 1)
    assert told.last is None, "it may just be busy"
    for _ in range(3):
        watched.look(None, AWAY)
    assert told.last == Condition(LAUNCHER, "away", silent_since, AWAY)
    assert told.count == 1
    watched.look(None, "Ray: connection refused")
    assert told.last == Condition(LAUNCHER, "away", silent_since, "Ray: connection refused")
    watched.look([])
    assert told.last == Condition(LAUNCHER, "ok", watched.now)
    watched.look(None, AWAY)
    assert told.last.status == "ok", "its silence is counted anew"


def test_agents_without_a_place_are_trouble_when_it_takes_long() -> None:
    told = Told()
    watched = Watched(told)
    waits = [agent("w-1"), agent("w-2", LaunchState.UP)]
    watched.look(waits)
    watched.look(waits, after_s=PATIENCE.total_seconds() - 2)
    assert told.last is None, "it may still come up"
    watched.look(waits, after_s=2)
    assert told.last == Condition(LAUNCHER, "degraded", watched.now, f"1 agent is not up: w-1 ({WAITS})")
    watched.look([agent("w-1", LaunchState.UP)])
    assert told.last.status == "ok"
    watched.look([agent("w-1")], after_s=100)
    assert told.last.status == "ok", "it has only just gone again"


def test_a_refusal_is_trouble_at_once() -> None:
    told = Told()
    Watched(told).look([], "the launcher could not launch: no such type")
    assert told.last is not None
    assert (told.last.status, told.last.detail) == ("degraded", "the launcher could not launch: no such type")


def test_what_an_earlier_leader_told_is_taken_back() -> None:
    told = Told(Condition(LAUNCHER, "away", BEGIN - timedelta(hours=1), AWAY))
    watched = Watched(told)
    watched.look([])
    assert told.last == Condition(LAUNCHER, "ok", watched.now)


def test_what_could_not_be_told_is_told_later() -> None:
    told = Told()
    watched = Watched(told)
    told.away = True
    for _ in range(10):
        watched.look(None, AWAY)
    told.away = False
    assert told.last is None
    watched.look(None, AWAY)
    assert told.last is not None


def test_many_agents_are_told_in_short() -> None:
    late = [agent(f"w-{n}", LaunchState.GONE, "") for n in range(5)]
    assert without_place(late) == "5 agents are not up: w-0 (gone), w-1 (gone), w-2 (gone), 2 more"
