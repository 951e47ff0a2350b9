"""Answers the orchestrator's questions about this machine and its ways to others, beside all else that the agent does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import structlog

from tensorfleet.agent import links, preflight
from tensorfleet.wire import tensorfleet_pb2 as pb

log = structlog.get_logger()


class Checks:
    """One look at the machine at a time; `send` takes messages for the orchestrator.

    A look that hangs, as on a disk that is gone, holds up one thread of its own and nothing else.
    """

    def __init__(
        self,
        folder: Path,
        host: str,
        send: Callable[[pb.AgentMessage], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._host = host
        self._send = send
        self._clock = clock
        self._looking: asyncio.Task[None] | None = None
        self._meetings: set[asyncio.Task[None]] = set()

    def check(self, question: pb.CheckHealth) -> None:
        received_at = self._clock()
        if self._looking is not None and not self._looking.done():
            return  # the answer to the first question is still to come, or never will
        self._looking = asyncio.create_task(self._look(question.number, received_at))

    async def _look(self, number: int, received_at: float) -> None:
        found = await _in_thread(lambda: preflight.measure(self._folder))
        report = pb.HealthReport(
            number=number, received_at=received_at, sent_at=self._clock(), measured_json=json.dumps(found)
        )
        self._send(pb.AgentMessage(health=report))

    def link(self, order: pb.MeasureLink) -> None:
        if len(self._meetings) >= links.MOST_MEETINGS:
            log.info("a measurement of a link was refused: too many at a time", peer=order.peer)
            return
        meeting = asyncio.create_task(self._meet(order))
        self._meetings.add(meeting)
        meeting.add_done_callback(self._meetings.discard)

    async def _meet(self, order: pb.MeasureLink) -> None:
        def tell(address: str) -> None:
            self._send(pb.AgentMessage(link=pb.LinkReport(number=order.number, address=address)))

        if not order.peer:
            await links.listen(self._host, order.secret, order.bytes, tell)
            return
        found = await links.visit(order.peer, order.secret, order.bytes)
        report = pb.LinkReport(number=order.number, measured_json=json.dumps(found))
        self._send(pb.AgentMessage(link=report))


async def _in_thread(function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """In one that an agent which ends does not wait for."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[dict[str, Any]] = loop.create_future()

    def run() -> None:
        try:
            found = function()
        except Exception as error:
            log.exception("the look at the machine failed")
            found = {"disk": {"trouble": f"the look at the machine failed: {error}"}}
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(answer.set_result, found)

    Thread(target=run, name="checks", daemon=True).start()
    return await answer
