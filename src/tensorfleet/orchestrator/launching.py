"""Looks after agents that a launcher has started: those that are gone lose their leases at once, those that leave are let go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from tensorfleet.errors import TensorFleetError, Unavailable
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.ports import Launched, Launcher, LaunchState, WorkerType
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.launcher_trouble import LauncherTrouble
from tensorfleet.orchestrator.sessions import Sessions
from tensorfleet.orchestrator.sweep import Sweep

LOOK_S = 1.0
ASK_AGAIN_S = 10.0
"""An agent that is gone soon after each start is not asked for more often than this."""
log = structlog.get_logger()


class Fleet(Protocol):
    """What the room does with a worker."""

    sessions: Sessions

    @property
    def board(self) -> Board: ...

    async def lose(self, worker_id: str, why: str) -> None:
        """Its leases are over, and its jobs go on elsewhere."""
        ...

    async def drain(self, worker_id: str, why: str) -> None:
        """It gets no new tasks, and those that it runs save and go back into the queue."""
        ...


class FleetWatch:
    """`launched` is what the launcher said last; None while that is not known.

    `fixed`: so many agents of the first type are kept up; None where somebody else says how many there should be.
    `sweep`: gives back what has no worker; None where the autoscaler does.  `trouble` is told of each look.
    """

    def __init__(
        self,
        room: Fleet,
        launcher: Launcher,
        types: Sequence[WorkerType],
        fixed: int | None,
        sweep: Sweep | None = None,
        trouble: LauncherTrouble | None = None,
    ) -> None:
        self.launcher = launcher
        self.types = types
        self.fixed = fixed
        self.sweep = sweep
        self.trouble = trouble
        self.launched: tuple[Launched, ...] | None = None
        self._room = room
        self._troubled = ""
        self._asked_at: dict[str, float] = {}
        self._beyond: frozenset[str] = frozenset()

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Asks the launcher once, and does what follows from its answer."""
        try:
            await self._look()
            await self._say_trouble("")
        except Unavailable as error:
            self.launched = None
            await self._say_trouble(error.detail)
        except TensorFleetError as error:
            await self._say_trouble(error.detail)

    async def _say_trouble(self, detail: str) -> None:
        """Into the log once for each, not once a second."""
        if self.trouble is not None:
            await self.trouble.look(self.launched, detail)
        if detail and detail != self._troubled:
            log.warning("the launcher has trouble; agents that run are not touched", detail=detail)
        self._troubled = detail

    async def _look(self) -> None:
        for worker in leaving(self._room.board):
            await self._let_go(worker)
        began = time.monotonic()
        found = tuple(await asyncio.to_thread(self.launcher.launched))
        for one in found:
            if is_lost(one, self._room.board) and not self._room.sessions.heard_since(one.worker_id, began):
                await self._room.lose(one.worker_id, one.detail or "its launcher says that it is not there")
        self.launched = found
        if self.fixed is not None:
            await self._keep(found, self.fixed)
        if self.sweep is not None:
            await self.sweep.look(
                found, self._here(), [f"agent-{n}" for n in range(1, (self.fixed or 0) + 1)]
            )

    def _here(self) -> list[str]:
        return [w.id for w in self._room.board.workers.values() if w.state is not WorkerState.LOST]

    async def _keep(self, found: Sequence[Launched], count: int) -> None:
        """Starts what is missing of `agent-1` to `agent-count`, and gives back what is beyond."""
        missing, beyond = differences(found, count)
        now = time.monotonic()
        for worker_id in missing:
            if now - self._asked_at.get(worker_id, -ASK_AGAIN_S) >= ASK_AGAIN_S:
                log.info("an agent is asked for", worker=worker_id, type=self.types[0].name)
                self._asked_at[worker_id] = now
                await asyncio.to_thread(self.launcher.launch, worker_id, self.types[0])
        for worker_id in beyond:
            await asyncio.to_thread(self.launcher.release, worker_id)
        if self.sweep is not None and (new := sorted(set(beyond) - self._beyond)):
            why = f"nobody has asked for it: the fleet is to have agent-1 to agent-{count}"
            await self.sweep.tell(dict.fromkeys(new, why), len(self._here()))
        self._beyond = frozenset(beyond)

    async def _let_go(self, worker: Worker) -> None:
        if worker.state is WorkerState.ONLINE:
            await self._room.drain(worker.id, f"worker {worker.id} is being released")
        elif not self._room.board.is_busy(worker.id):
            await self._room.lose(worker.id, "")


def leaving(board: Board) -> list[Worker]:
    """Workers that say that they are about to end."""
    return [
        worker
        for worker in board.workers.values()
        if worker.state is not WorkerState.LOST and worker.stats.get("leaving")
    ]


def is_lost(launched: Launched, board: Board) -> bool:
    """Whether an agent is not where its worker's record says that it is."""
    worker = board.workers.get(launched.worker_id)
    return (
        launched.state is not LaunchState.UP and worker is not None and worker.state is not WorkerState.LOST
    )


def differences(launched: Sequence[Launched], count: int) -> tuple[list[str], list[str]]:
    """Which of the agents 1 to `count` are not there, and what is there beyond them."""
    wanted = [f"agent-{number}" for number in range(1, count + 1)]
    there = {one.worker_id for one in launched if one.state is not LaunchState.GONE}
    beyond = [one.worker_id for one in launched if one.worker_id not in wanted]
    return [worker_id for worker_id in wanted if worker_id not in there], beyond
