"""Keeps the fleet at the size that load and queue ask for: looks, decides, writes down what it will do, and then does it.

What is written before it is done is done by the next orchestrator when this one dies in between: agents are asked for by the ids
that were written, and asking twice changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from tensorfleet.errors import LostLead, TensorFleetError, Unavailable
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.fleet.model import WorkerState
from tensorfleet.fleet.ports import Launched, Launcher, WorkerType
from tensorfleet.fleet.scaling_codec import decision_to_dict, memory_of, memory_to_dict
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.ids import new_id
from tensorfleet.orchestrator.engine import Engine
from tensorfleet.orchestrator.sessions import Sessions
from tensorfleet.scaling.model import Action, Awaited, Decision, FleetView, Limits, Memory
from tensorfleet.scaling.others import as_launched
from tensorfleet.scaling.policy import decide

PREFIX = "auto"
GLANCE_S = 0.5
"""How often the number of waiting jobs, in memory, is looked at."""
FIRST_LOOK_S = 2.0
"""Agents that start together with the orchestrator need so long to join."""
AT_ONCE = 8
"""So many agents are asked for at the same time."""
_WORTH_TELLING = (Action.UNKNOWN, Action.AT_MAXIMUM)
log = structlog.get_logger()


class Scaler:
    """One per leader.  `launcher` is None where others carry out what it says."""

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        workers: SqlWorkerStore,
        store: SqlScalingStore,
        lead: SqlLeadership,
        launcher: Launcher | None,
        limits: Limits,
        clock: Clock,
        *,
        interval_s: float,
        silent_s: float,
        draw_id: Callable[[], str] = lambda: new_id(PREFIX),
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._workers = workers
        self._store = store
        self._lead = lead
        self._launcher = launcher
        self._limits = limits
        self._types = {kind.name: kind for kind in limits.types}
        self._clock = clock
        self._interval_s = interval_s
        self._silent_s = silent_s
        self._draw_id = draw_id
        self._memory = Memory()
        self._began = time.monotonic()
        self._saved_at: datetime | None = None
        self._said: tuple[Action, int] | None = None
        self._held: list[int | None] = []
        """Numbers that a person has set since the last look."""

    async def run(self) -> None:
        """Looks until it is cancelled: every `interval_s`, when the queue changes, and soon after a change of its own.

        Raises:
            LostLead: another orchestrator has taken over.
        """
        found = await self._patiently(self._store.find_memory)
        self._memory = memory_of(found) if found else Memory()
        self._began = time.monotonic()
        await asyncio.sleep(FIRST_LOOK_S)
        looked, seen, again = 0.0, -1, True
        while True:
            waiting = self._engine.board.waiting
            if again or self._held or waiting != seen or time.monotonic() - looked >= self._interval_s:
                looked, seen = time.monotonic(), waiting
                again = await self._try_to_look()
            await asyncio.sleep(GLANCE_S)

    async def _patiently(self, function: Callable[[], Any]) -> Any:
        while True:
            try:
                return await self._engine.call(function)
            except Unavailable:
                await asyncio.sleep(GLANCE_S)

    async def _try_to_look(self) -> bool:
        try:
            return (await self.look()).changes
        except LostLead:
            raise
        except TensorFleetError as error:
            log.warning("the fleet's size could not be looked after", detail=error.detail)
            return False

    def hold(self, workers: int | None) -> None:
        """A person sets the number of workers, or (None) leaves it to load and queue again."""
        self._held.append(workers)

    async def look(self) -> Decision:
        """One look, one decision, and what follows from it."""
        view = await self._view()
        memory = self._memory
        while self._held:
            memory, self._saved_at = replace(memory, held=self._held.pop(0)), None
        if self._launcher is None:
            view, memory = as_launched(view, self._limits, memory)
        decision = await asyncio.to_thread(decide, view, self._limits, memory)
        agents = [
            (self._draw_id(), self._types[name])
            for name, count in decision.starts.items()
            for _ in range(count if self._launcher is not None else 0)
        ]
        await self._remember(decision, agents, view.snapshot.now)
        if self._launcher is not None:
            await self._carry_out(self._launcher, decision, agents)
            await self._forget_those_that_left(view.launched)
        return decision

    async def _view(self) -> FleetView:
        launched: tuple[Launched, ...] | None = ()
        trouble = ""
        if self._launcher is not None:
            try:
                launched = tuple(await asyncio.to_thread(self._launcher.launched))
            except Unavailable as error:
                launched, trouble = None, error.detail
        board = self._engine.board
        snapshot, in_step = await self._engine.call(lambda: (board.snapshot(self._clock()), board.in_step))
        if not in_step:
            trouble = "the metadata store is away, and what waits and runs is not known"
        lost = frozenset(w.id for w in board.workers.values() if w.state is WorkerState.LOST)
        since = max(self._began, time.monotonic() - self._silent_s)
        silent = frozenset(
            w for w in board.workers if w not in lost and not self._sessions.heard_since(w, since)
        )
        return FleetView(snapshot, launched, lost, silent, trouble)

    async def _remember(
        self, decision: Decision, agents: Iterable[tuple[str, WorkerType]], now: datetime
    ) -> None:
        """Writes down what is to be done, before it is done."""
        awaited = {worker_id: Awaited(kind.name, now) for worker_id, kind in agents}
        memory = replace(decision.memory, awaited={**decision.memory.awaited, **awaited})
        said = (decision.action, decision.signal.desired)
        news = self._is_news(decision)
        due = self._saved_at is None or now - self._saved_at >= timedelta(seconds=self._interval_s)
        if news or due or said != self._said:
            told = decision_to_dict(decision)
            event = {**told, "workers": sorted(awaited)} if news else None
            state = {**told, "held": memory.held}
            await self._engine.call(
                lambda: self._store.save(now, memory_to_dict(memory), state, event, self._lead.check)
            )
            self._saved_at = now
        if news:
            log.info("the fleet is scaled", action=decision.action.value, reason=decision.reason)
        self._memory, self._said = memory, said

    def _is_news(self, decision: Decision) -> bool:
        if self._launcher is None and not decision.starts and not decision.drains:
            return False
        first = self._said is None or self._said[0] is not decision.action
        return decision.changes or (first and decision.action in _WORTH_TELLING)

    async def _carry_out(
        self, launcher: Launcher, decision: Decision, agents: Iterable[tuple[str, WorkerType]]
    ) -> None:
        for worker_id in decision.keeps:
            await self._engine.call(partial(self._keep, worker_id))
        for worker_id in decision.drains:
            await self._engine.call(partial(self._drain_if_idle, worker_id))
        again = [(w, self._types[name]) for w, name in decision.again.items() if name in self._types]
        turns = asyncio.Semaphore(AT_ONCE)

        async def ask(function: Callable[..., None], *arguments: object) -> None:
            async with turns:
                try:
                    await asyncio.to_thread(function, *arguments)
                except TensorFleetError as error:  # the next look asks again
                    log.warning("the launcher could not do it", worker=arguments[0], detail=error.detail)

        await asyncio.gather(
            *(ask(launcher.launch, worker_id, kind) for worker_id, kind in [*again, *agents]),
            *(ask(launcher.release, worker_id) for worker_id in decision.releases),
        )

    def _drain_if_idle(self, worker_id: str) -> None:
        """In the engine's thread, where leases are given: nothing comes between the look and the drain."""
        board = self._engine.board
        worker = board.workers.get(worker_id)
        if worker is not None and worker.state is WorkerState.ONLINE and not board.is_busy(worker_id):
            self._workers.set_state(worker_id, WorkerState.DRAINING)
            board.know_worker(replace(worker, state=WorkerState.DRAINING))

    def _keep(self, worker_id: str) -> None:
        board = self._engine.board
        worker = board.workers.get(worker_id)
        if worker is not None and worker.state is WorkerState.DRAINING:
            self._workers.set_state(worker_id, WorkerState.ONLINE)
            board.know_worker(replace(worker, state=WorkerState.ONLINE))

    async def _forget_those_that_left(self, launched: tuple[Launched, ...] | None) -> None:
        """Agents of ours that were released and have ended leave the list of workers; no id comes twice."""
        if launched is None:
            return
        listed = {agent.worker_id for agent in launched} | self._memory.awaited.keys()
        gone = [
            worker.id
            for worker in self._engine.board.workers.values()
            if worker.state is WorkerState.LOST and _is_ours(worker.id) and worker.id not in listed
        ]
        if gone:
            await self._engine.call(lambda: self._forget(gone))

    def _forget(self, worker_ids: list[str]) -> None:
        self._workers.forget(worker_ids)
        for worker_id in worker_ids:
            self._engine.board.forget_worker(worker_id)


def _is_ours(worker_id: str) -> bool:
    return worker_id.startswith(f"{PREFIX}-")
