"""The autoscaler's loop on real stores and a real board; the launcher is a list."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from tests.contracts.test_board import a_worker
from tests.contracts.test_job_store import NOW, new_job

from tensorfleet.adapters.database import Database
from tensorfleet.errors import LostLead, Unavailable
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.ports import Launched, LaunchState, WorkerType
from tensorfleet.fleet.scaling_codec import memory_of
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.placing import place_waiting
from tensorfleet.orchestrator.scaler import Scaler
from tensorfleet.orchestrator.sessions import Sessions
from tensorfleet.scaling.model import Action, Limits
from tensorfleet.scheduling.model import Policy

LIMITS = Limits((WorkerType("node", 1, cpus=1),), 0, 4, cool_down_s=60)


class ListLauncher:
    """Agents as entries of a list; each call may come from any thread."""

    def __init__(self) -> None:
        self.agents: dict[str, LaunchState] = {}
        self.away = False
        self.asked = 0
        self._lock = threading.Lock()

    def _there(self) -> None:
        if self.away:
            raise Unavailable("the engine is away")

    def launch(self, worker_id: str, worker_type: WorkerType) -> None:
        with self._lock:
            self._there()
            self.asked += 1
            if self.agents.get(worker_id, LaunchState.GONE) is LaunchState.GONE:
                self.agents[worker_id] = LaunchState.STARTING

    def launch_together(self, worker_ids: Sequence[str], worker_type: WorkerType) -> None:
        for worker_id in worker_ids:
            self.launch(worker_id, worker_type)

    def release(self, worker_id: str) -> None:
        with self._lock:
            self._there()
            self.agents.pop(worker_id, None)

    def launched(self) -> Sequence[Launched]:
        with self._lock:
            self._there()
            return [Launched(worker_id, "node", state) for worker_id, state in self.agents.items()]

    def close(self) -> None:
        pass


class Room:
    """A leader as far as the scaler needs one: what the engine does in its thread is done at once."""

    def __init__(self, database: Database, launcher: ListLauncher | None, limits: Limits = LIMITS) -> None:
        self.now = NOW
        self.board = Board(Policy.RESOURCE_FIT, {})
        self.sessions = Sessions()
        self.jobs = SqlJobStore(database)
        self.workers = SqlWorkerStore(database)
        self.store = SqlScalingStore(database, SqlEventLog(database))
        self.lead = SqlLeadership(database, "host-1", 60)
        assert self.lead.acquire()
        names = count(1)
        engine: Any = self
        self.scaler = Scaler(
            engine,
            self.sessions,
            self.workers,
            self.store,
            self.lead,
            launcher,
            limits,
            lambda: self.now,
            interval_s=10,
            silent_s=60,
            draw_id=lambda: f"auto-{next(names)}",
        )
        self.place()

    async def call(self, function: Callable[[], Any]) -> Any:
        return function()

    def place(self) -> int:
        with self.jobs.orchestrate() as tx:
            self.board.refresh(tx, self.now)
            self.board.looked(0.0)
            self.board._changed = True
            return place_waiting(tx, self.board, self.now)

    def later(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def join(self, launcher: ListLauncher, *worker_ids: str) -> None:
        for worker_id in worker_ids:
            launcher.agents[worker_id] = LaunchState.UP
            self.board.know_worker(self.workers.join(a_worker(worker_id, 1)))
            self.sessions.touch(worker_id)

    def state_of(self, worker_id: str) -> WorkerState:
        assert self.board.workers[worker_id].state is self.workers.get(worker_id).state
        return self.board.workers[worker_id].state


@pytest.fixture
def launcher() -> ListLauncher:
    return ListLauncher()


@pytest.fixture
def room(database: Database, launcher: ListLauncher) -> Room:
    return Room(database, launcher)


def submit(room: Room, *names: str) -> None:
    for name in names:
        room.jobs.insert(new_job(name))
    room.place()


async def test_it_grows_for_what_waits_and_writes_down_why(room: Room, launcher: ListLauncher) -> None:
    submit(room, "j-1")
    decision = await room.scaler.look()
    assert launcher.agents == {"auto-1": LaunchState.STARTING}
    ((at, told),) = room.store.decisions(10)
    assert (at, told["action"], told["workers"], told["reason"]) == (NOW, "grow", ["auto-1"], decision.reason)
    assert (await room.scaler.look()).action is Action.HOLD
    assert len(room.store.decisions(10)) == 1, "what changes nothing is not news"
    assert room.store.find_state() is not None


async def test_it_drains_idle_workers_gives_them_back_and_forgets_them(
    room: Room, launcher: ListLauncher
) -> None:
    room.join(launcher, "auto-8", "auto-9")
    submit(room, "j-1")
    await room.scaler.look()
    busy = next(iter(room.board.snapshot(room.now).running)).worker_ids[0]
    (idle,) = {"auto-8", "auto-9"} - {busy}
    assert (await room.scaler.look()).action is Action.HOLD, "the load is a half"
    room.scaler._limits = replace(LIMITS, down=0.6, up=1.0)
    await room.scaler.look()
    room.later(61)
    decision = await room.scaler.look()
    assert decision.drains == (idle,)
    assert room.state_of(idle) is WorkerState.DRAINING
    assert (await room.scaler.look()).releases == (idle,)
    assert set(launcher.agents) == {busy}
    room.workers.set_state(idle, WorkerState.LOST)
    room.board.know_worker(room.workers.get(idle))
    await room.scaler.look()
    assert [worker.id for worker in room.workers.all()] == [busy]
    assert idle not in room.board.workers


async def test_a_worker_that_gets_a_lease_after_the_decision_is_not_drained(
    room: Room, launcher: ListLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.join(launcher, "auto-8")
    await room.scaler.look()
    room.later(61)
    carry_out = room.scaler._carry_out

    async def slowly(*arguments: Any) -> None:
        submit(room, "j-1")
        await carry_out(*arguments)

    monkeypatch.setattr(room.scaler, "_carry_out", slowly)
    decision = await room.scaler.look()
    assert decision.drains == ("auto-8",)
    assert room.state_of("auto-8") is WorkerState.ONLINE
    monkeypatch.undo()
    following = await room.scaler.look()
    assert (following.releases, following.keeps) == ((), ("auto-8",))
    assert "auto-8" in launcher.agents


async def test_a_kept_worker_gets_tasks_again(room: Room, launcher: ListLauncher) -> None:
    room.join(launcher, "auto-8")
    await room.scaler.look()
    room.later(61)
    await room.scaler.look()
    assert room.state_of("auto-8") is WorkerState.DRAINING
    submit(room, "j-1")
    assert (await room.scaler.look()).keeps == ("auto-8",)
    assert room.state_of("auto-8") is WorkerState.ONLINE


async def test_a_death_between_the_note_and_the_deed_leaves_neither_too_many_nor_too_few(
    database: Database, room: Room, launcher: ListLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(room, "j-1", "j-2", "j-3")

    async def dies(*arguments: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(room.scaler, "_carry_out", dies)
    with pytest.raises(SystemExit):
        await room.scaler.look()
    assert launcher.agents == {}
    following = Room(database, launcher)
    found = following.store.find_memory()
    assert found is not None
    following.scaler._memory = memory_of(found)
    decision = await following.scaler.look()
    assert decision.again == {"auto-1": "node"}
    assert "auto-1" in launcher.agents, "under the id that was written"
    assert decision.signal.desired == 2, "one more step, from one"


async def test_nothing_happens_while_the_launcher_is_away(room: Room, launcher: ListLauncher) -> None:
    room.join(launcher, "auto-8")
    await room.scaler.look()
    launcher.away = True
    room.later(100)
    for _ in range(3):
        decision = await room.scaler.look()
        assert (decision.action, decision.changes) == (Action.UNKNOWN, False)
    ((_, told),) = room.store.decisions(10)
    assert told["reason"] == "nothing is changed: the engine is away"
    assert room.state_of("auto-8") is WorkerState.ONLINE


async def test_a_worker_that_was_not_heard_of_since_the_start_is_unknown(
    room: Room, launcher: ListLauncher
) -> None:
    room.join(launcher, "auto-8")
    room.sessions.forget("auto-8")
    await room.scaler.look()
    room.later(61)
    decision = await room.scaler.look()
    assert decision.action is Action.UNKNOWN
    assert "auto-8 not heard of" in decision.reason


async def test_nothing_is_decided_on_a_picture_that_is_not_in_step(room: Room) -> None:
    room.board.forget()
    decision = await room.scaler.look()
    assert (
        decision.reason
        == "nothing is changed: the metadata store is away, and what waits and runs is not known"
    )


async def test_a_leader_of_before_writes_nothing(
    database: Database, room: Room, launcher: ListLauncher
) -> None:
    submit(room, "j-1")
    room.lead.resign()
    assert SqlLeadership(database, "host-2", 60).acquire()
    with pytest.raises(LostLead):
        await room.scaler.look()
    assert (launcher.agents, room.store.find_state()) == ({}, None)


async def test_a_launch_that_fails_is_tried_again_at_the_next_look(
    room: Room, launcher: ListLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(room, "j-1")

    def refuse(*arguments: object) -> None:
        raise Unavailable("not now")

    monkeypatch.setattr(launcher, "launch", refuse)
    await room.scaler.look()
    assert launcher.agents == {}
    monkeypatch.undo()
    await room.scaler.look()
    assert set(launcher.agents) == {"auto-1"}


async def test_others_are_told_and_nothing_is_done(database: Database) -> None:
    room = Room(database, None)
    room.board.know_worker(room.workers.join(a_worker("pod-1", 1)))
    room.sessions.touch("pod-1")
    submit(room, "j-1", "j-2")
    assert (await room.scaler.look()).signal.desired == 2
    found = room.store.find_state()
    assert found is not None
    assert found[1]["signal"]["desired"] == 2
    assert room.store.decisions(5)[0][1]["workers"] == []


async def test_a_person_sets_the_number(room: Room, launcher: ListLauncher) -> None:
    room.scaler.hold(3)
    await room.scaler.look()
    assert len(launcher.agents) == 3
    assert (await room.scaler.look()).reason == "a person has set 3 workers"
    found = room.store.find_memory()
    assert found is not None
    assert memory_of(found).held == 3


async def test_the_loop_looks_again_when_the_queue_changes(
    room: Room, launcher: ListLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tensorfleet.orchestrator.scaler.FIRST_LOOK_S", 0.0)
    monkeypatch.setattr("tensorfleet.orchestrator.scaler.GLANCE_S", 0.001)
    loop = asyncio.create_task(room.scaler.run())
    try:
        async with asyncio.timeout(10):
            while room.store.find_state() is None:
                await asyncio.sleep(0.002)
            submit(room, "j-1")
            while not launcher.agents:
                await asyncio.sleep(0.002)
    finally:
        loop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loop


def test_only_lost_workers_are_forgotten(room: Room) -> None:
    for name, state in (("w-1", WorkerState.LOST), ("w-2", WorkerState.ONLINE)):
        joined: Worker = room.workers.join(a_worker(name, 1))
        room.workers.set_state(joined.id, state)
    room.workers.forget(["w-1", "w-2", "w-3"])
    assert [worker.id for worker in room.workers.all()] == ["w-2"]
