"""Does the faults of a plan to a running fleet."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tensorfleet.testing.chaos.database import Store
from tensorfleet.testing.chaos.plan import Fault
from tensorfleet.testing.chaos.proxy import Proxy
from tensorfleet.testing.platform import OwnPlatform
from tensorfleet.testing.simulation.agent import SimulatedAgent
from tensorfleet.testing.simulation.fleet import SimulatedFleet

SLOW_S = 0.15
PATIENCE_S = 10.0
TEMPLATE = "tensorfleet.agent.template"


@dataclass(frozen=True)
class Victims:
    """What faults are done to."""

    platform: OwnPlatform
    agents: tuple[str, ...]
    fleet: SimulatedFleet
    links: Proxy
    store: Store


class Injector:
    """Carries out faults as jobs end; each lasts on its own.  `counts` tells how many of each were done, and how many missed."""

    def __init__(self, victims: Victims, faults: tuple[Fault, ...], say: Callable[[str], None]) -> None:
        self._victims = victims
        self._left = list(faults)
        self._say = say
        self._under_way: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    def progress(self, ended: int) -> None:
        """Begins the faults whose time has come."""
        while self._left and self._left[0].at <= ended:
            fault = self._left.pop(0)
            work = asyncio.create_task(self._do(fault))
            self._under_way.add(work)
            work.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Waits until every fault that has begun is over."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    async def _do(self, fault: Fault) -> None:
        self._say(f"{fault.kind} {fault.target} {fault.seconds:g} s (fault {fault.number})")
        method = getattr(self, f"_{fault.kind}")
        done: bool = await method(fault)
        self.counts[f"{fault.kind} {fault.target}" if done else "nobody there"] += 1

    async def _kill(self, fault: Fault) -> bool:
        if fault.target == "simulated":
            self._simulated(fault).crash()
            return True
        pid = await self._wait_for(fault)
        return pid is not None and _send(pid, signal.SIGKILL)

    async def _stall(self, fault: Fault) -> bool:
        if fault.target == "simulated":
            self._simulated(fault).fall_silent(fault.seconds)
            await asyncio.sleep(fault.seconds)
            return True
        pid = await self._wait_for(fault)
        if pid is None or not _send(pid, signal.SIGSTOP):
            return False
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            _send(pid, signal.SIGCONT)
        return True

    async def _cut(self, fault: Fault) -> bool:
        if fault.target == "simulated":
            self._simulated(fault).cut()
        else:
            self._victims.links.cut()
        return True

    async def _slow(self, fault: Fault) -> bool:
        one = self._simulated(fault) if fault.target == "simulated" else self._victims.links
        one.slow_down(fault.seconds, SLOW_S)
        await asyncio.sleep(fault.seconds)
        return True

    async def _database(self, fault: Fault) -> bool:
        await self._victims.store.away(fault.seconds)
        return True

    def _simulated(self, fault: Fault) -> SimulatedAgent:
        agents = self._victims.fleet.agents
        return agents[fault.pick % len(agents)]

    async def _wait_for(self, fault: Fault) -> int | None:
        """The process that is meant, as soon as there is one; None when there is none for long."""
        deadline = time.monotonic() + PATIENCE_S
        while (pid := self._pid(fault)) is None and time.monotonic() < deadline:  # noqa: ASYNC110 - processes
            await asyncio.sleep(0.02)
        return pid

    def _pid(self, fault: Fault) -> int | None:
        """The process that is meant; None when there is none at this moment."""
        platform, agents = self._victims.platform, self._victims.agents
        if fault.target not in ("agent", "template", "task"):
            return platform.pid(fault.target)
        name = agents[fault.pick % len(agents)]
        if fault.target == "task":
            tasks = platform.tasks(name)
            return tasks[fault.pick % len(tasks)] if tasks else None
        agent = platform.pid(name)
        if agent is None or fault.target == "agent":
            return agent
        return next((template.pid for template in _templates(agent)), None)


def _templates(agent: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [child for child in psutil.Process(agent).children() if TEMPLATE in child.cmdline()]
    return []


def _send(pid: int, number: signal.Signals) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
