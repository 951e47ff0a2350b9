"""What the orchestrator does about agents that a launcher has started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tensorfleet.errors import Unavailable
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.ports import Launched, LaunchState, WorkerType
from tensorfleet.orchestrator.launching import FleetWatch, differences
from tensorfleet.orchestrator.sessions import Sessions
from tensorfleet.orchestrator.sweep import Sweep

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KIND = WorkerType("small")


def launched(worker_id: str, state: LaunchState = LaunchState.UP, detail: str = "") -> Launched:
    return Launched(worker_id, "small", state, "node", detail)


class FakeLauncher:
    def __init__(self, *found: Launched) -> None:
        self.found: Sequence[Launched] | Unavailable = found
        self.calls: list[tuple[str, str]] = []

    def launch(self, worker_id: str, worker_type: WorkerType) -> None:
        self.calls.append(("launch", worker_id))

    def launch_together(self, worker_ids: Sequence[str], worker_type: WorkerType) -> None:
        raise AssertionError

    def release(self, worker_id: str) -> None:
        self.calls.append(("release", worker_id))

    def launched(self) -> Sequence[Launched]:
        if isinstance(self.found, Unavailable):
            raise self.found
        return self.found

    def close(self) -> None: ...


class FakeRoom:
    """Knows workers; `busy` ones hold leases.  What is done with them is noted."""

    def __init__(self, *workers: Worker, busy: Sequence[str] = ()) -> None:
        self.sessions = Sessions()
        self.board: Any = SimpleNamespace(
            workers={worker.id: worker for worker in workers}, is_busy=lambda worker_id: worker_id in busy
        )
        self.done: list[tuple[str, str]] = []

    async def lose(self, worker_id: str, why: str) -> None:
        self.done.append(("lose", worker_id))

    async def drain(self, worker_id: str, why: str) -> None:
        self.done.append(("drain", worker_id))


def worker(worker_id: str, state: WorkerState = WorkerState.ONLINE, **stats: object) -> Worker:
    return Worker(worker_id, worker_id, state, 1, {}, stats, NOW, NOW)


def watch(room: FakeRoom, launcher: FakeLauncher, fixed: int | None = None) -> FleetWatch:
    return FleetWatch(room, launcher, [KIND], fixed)


def test_what_is_missing_is_asked_for_and_what_is_beyond_is_given_back() -> None:
    there = [
        launched("agent-1"),
        launched("agent-2", LaunchState.GONE),
        launched("agent-3", LaunchState.STARTING),
        launched("agent-5"),
    ]
    assert differences(there, 4) == (["agent-2", "agent-4"], ["agent-5"])
    assert differences([], 0) == ([], [])


@pytest.mark.parametrize("state", [LaunchState.GONE, LaunchState.STARTING])
async def test_an_agent_that_is_not_there_loses_its_leases(state: LaunchState) -> None:
    room = FakeRoom(worker("w-1"), worker("w-2"))
    seen = watch(room, FakeLauncher(launched("w-1", state), launched("w-2")))
    await seen.look()
    assert room.done == [("lose", "w-1")]
    assert seen.launched is not None
    assert len(seen.launched) == 2


async def test_one_that_has_spoken_since_is_there_whatever_its_engine_says() -> None:
    class Slow(FakeLauncher):
        def launched(self) -> Sequence[Launched]:
            room.sessions.touch("w-1")  # it comes back while the engine is being asked
            return super().launched()

    room = FakeRoom(worker("w-1"))
    await watch(room, Slow(launched("w-1", LaunchState.GONE))).look()
    assert room.done == []


async def test_one_that_has_not_joined_yet_or_is_lost_already_is_left_alone() -> None:
    room = FakeRoom(worker("w-1", WorkerState.LOST))
    gone = [launched(name, LaunchState.GONE) for name in ("w-1", "w-new")]
    await watch(room, FakeLauncher(*gone)).look()
    assert room.done == []


async def test_unknown_is_not_gone() -> None:
    room = FakeRoom(worker("w-1"))
    launcher = FakeLauncher(launched("w-1"))
    seen = watch(room, launcher, fixed=2)
    await seen.look()
    launcher.found, launcher.calls = Unavailable("the engine is away"), []
    await seen.look()
    assert seen.launched is None
    assert room.done == launcher.calls == []


async def test_one_that_leaves_is_drained_first_and_let_go_when_it_holds_nothing() -> None:
    room = FakeRoom(
        worker("w-1", leaving=True),
        worker("w-2", WorkerState.DRAINING, leaving=True),
        worker("w-3", WorkerState.DRAINING, leaving=True),
        worker("w-4", WorkerState.LOST, leaving=True),
        worker("w-5", WorkerState.DRAINING),
        busy=["w-1", "w-2"],
    )
    await watch(room, FakeLauncher()).look()
    assert room.done == [("drain", "w-1"), ("lose", "w-3")]


async def test_one_that_ends_at_each_start_is_not_asked_for_all_the_time() -> None:
    launcher = FakeLauncher()
    seen = watch(FakeRoom(), launcher, fixed=1)
    await seen.look()
    await seen.look()
    assert launcher.calls == [("launch", "agent-1")]


async def test_without_a_fixed_number_nothing_is_started_or_given_back() -> None:
    launcher = FakeLauncher(launched("w-1"))
    await watch(FakeRoom(), launcher).look()
    assert launcher.calls == []


async def test_what_is_given_back_as_nobody_has_asked_for_it_is_told_once() -> None:
    told: list[dict[str, Any]] = []

    async def note(decision: dict[str, Any]) -> None:
        told.append(decision)

    launcher = FakeLauncher(launched("agent-1"), launched("auto-7"))
    seen = watch(FakeRoom(worker("agent-1")), launcher, fixed=1)
    seen.sweep = Sweep(launcher, 300.0, note)
    await seen.look()
    await seen.look()
    assert launcher.calls == [("release", "auto-7"), ("release", "auto-7")]
    (decision,) = told
    assert decision["releases"] == ["auto-7"]
    assert "auto-7: nobody has asked for it: the fleet is to have agent-1 to agent-1" in decision["reason"]
