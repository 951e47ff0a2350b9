"""The agent's side of one warm template: gives it orders, hears how its tasks end, opens another when it dies."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import structlog

from tensorfleet.agent.spool import SpooledTask

RESTART_MOST_S = 5.0
log = structlog.get_logger()


@dataclass(frozen=True)
class Listener:
    """Who hears of tasks: `started(lease, pid)`, `exited(lease, wait status, CPU seconds)`, `lost(leases)`: nobody saw."""

    started: Callable[[int, int], None]
    exited: Callable[[int, int, float], None]
    lost: Callable[[set[int]], None]


class WarmTemplate:
    """Orders wait until the template is ready; when it dies, its tasks die with it and a new one is started.

    Args:
        opened: a new template, as the socket over which it is spoken to; gone when the context ends.
        idle_s: without a task for so long it is let go, until the next order; None: it stays.
    """

    def __init__(
        self,
        name: str,
        opened: Callable[[], AbstractAsyncContextManager[socket.socket]],
        listener: Listener,
        idle_s: float | None = None,
    ) -> None:
        self._name = name
        self._opened = opened
        self._listener = listener
        self._idle_s = idle_s
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, dict[str, Any]] = {}
        self._given: set[int] = set()
        self.wanted = asyncio.Event()
        self.ready = asyncio.Event()

    def start(self, task: SpooledTask, env: dict[str, str]) -> None:
        self.wanted.set()
        self._waiting[task.lease] = {"lease": task.lease, "dir": str(task.directory.resolve()), "env": env}
        if self.ready.is_set():
            self._give_orders()

    def withdraw(self, lease: int) -> bool:
        """Takes back an order that still waits; False when the task was started already."""
        return self._waiting.pop(lease, None) is not None

    async def run(self) -> None:
        delay_s = 0.0
        while True:
            await self.wanted.wait()
            began = asyncio.get_running_loop().time()
            async with self._opened() as link:
                await self._speak(link)
            lost, self._given = self._given, set()
            self._listener.lost(lost)
            if not self.wanted.is_set():
                log.info("a warm template was let go, as nothing has used it", template=self._name)
                continue
            lived_s = asyncio.get_running_loop().time() - began
            delay_s = 0.0 if lived_s > 30 else min(RESTART_MOST_S, max(0.2, delay_s * 2))
            log.warning(
                "a warm template ended; starting another",
                template=self._name,
                lived_s=round(lived_s, 1),
                delay_s=delay_s,
            )
            await asyncio.sleep(delay_s)

    async def _speak(self, link: socket.socket) -> None:
        reader, self._writer = await asyncio.open_connection(sock=link)
        try:
            while line := await self._next_line(reader):
                self._hear(json.loads(line))
        except ConnectionError:
            pass
        finally:
            self.ready.clear()
            self._writer.close()

    async def _next_line(self, reader: asyncio.StreamReader) -> bytes:
        """What the template says next; nothing when it has ended, or is not needed any more."""
        while True:
            try:
                async with asyncio.timeout(None if self._given else self._idle_s):
                    return await reader.readline()
            except TimeoutError:
                if not self._given and not self._waiting:
                    self.wanted.clear()
                    return b""

    def _hear(self, message: dict[str, Any]) -> None:
        if message["op"] == "ready":
            self.ready.set()
            self._give_orders()
        elif message["op"] == "started":
            self._listener.started(message["lease"], message["pid"])
        elif message["op"] == "exit":
            self._given.discard(message["lease"])
            self._listener.exited(message["lease"], message["status"], message["cpu_s"])

    def _give_orders(self) -> None:
        assert self._writer is not None
        waiting, self._waiting = self._waiting, {}
        for order in waiting.values():
            self._given.add(order["lease"])
            self._writer.write(json.dumps(order).encode() + b"\n")
