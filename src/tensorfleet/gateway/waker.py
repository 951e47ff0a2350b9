"""A nudge for the orchestrator: there is something new in the database."""

from __future__ import annotations

import asyncio
import contextlib

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tensorfleet.kit.breaker import Breaker, BreakerOpen
from tensorfleet.kit.clock import steady_clock
from tensorfleet.trust.channels import open_aio_channel
from tensorfleet.trust.identity import Credentials, Identity
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

WAKE_TIMEOUT_S = 2.0
ASK_TIMEOUT_S = 1.0
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_OPTIONS = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]


def _is_away(error: BaseException) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and error.code() in _AWAY


class _Line:
    """The channel to one address; a new certificate gets a new one.  One that hangs is asked rarely, and nobody waits for it."""

    def __init__(self, address: str, identity: Identity | None) -> None:
        self._address = address
        self._identity = identity
        self.breaker = Breaker(_is_away, steady_clock(), first_s=0.25, most_s=2.0)
        self._own: Credentials | None = None
        self._channel: grpc.aio.Channel | None = None

    async def channel(self) -> grpc.aio.Channel:
        own = self._identity.current if self._identity is not None else None
        if self._channel is None or own is not self._own:
            former = self._channel
            self._own, self._channel = own, open_aio_channel(self._address, _OPTIONS, own)
            if former is not None:
                await former.close(WAKE_TIMEOUT_S)
        return self._channel

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close(None)


class OrchestratorLink:
    """Best effort: an orchestrator that is away finds the work in the database when it comes back.

    Args:
        addresses: of all that may lead, separated by commas; those that stand by refuse.
        identity: what it shows to those on other machines.
    """

    def __init__(self, addresses: str, token: str, identity: Identity | None = None) -> None:
        self._lines = [_Line(address.strip(), identity) for address in addresses.split(",")]
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._loop = asyncio.get_running_loop()
        self._wanted = [asyncio.Event() for _ in self._lines]
        self._tasks = [
            asyncio.create_task(self._run(line, wanted))
            for line, wanted in zip(self._lines, self._wanted, strict=True)
        ]

    def wake(self) -> None:
        """May be called from any thread; several calls at once become one."""
        for wanted in self._wanted:
            self._loop.call_soon_threadsafe(wanted.set)

    async def _run(self, line: _Line, wanted: asyncio.Event) -> None:
        while True:
            await wanted.wait()
            wanted.clear()
            stub = OrchestratorStub(await line.channel())  # type: ignore[no-untyped-call]
            # Always tried: nobody waits here, and one that has just come back is to hear it.
            with contextlib.suppress(grpc.aio.AioRpcError), line.breaker.watch():
                await stub.Wake(pb.WakeRequest(), metadata=self._metadata, timeout=WAKE_TIMEOUT_S)

    async def is_serving(self) -> bool:
        """Whether one of them leads."""
        return True in await self.serving()

    async def serving(self) -> list[bool | None]:
        """For each address: whether the one there leads (True) or stands by (False); None where nobody answers."""
        return list(await asyncio.gather(*(self._serves(line) for line in self._lines)))

    async def _serves(self, line: _Line) -> bool | None:
        stub = health_pb2_grpc.HealthStub(await line.channel())
        question = health_pb2.HealthCheckRequest(service="tensorfleet.v1.Orchestrator")
        try:
            with line.breaker.guard():
                answer = await stub.Check(question, timeout=ASK_TIMEOUT_S)
        except (grpc.aio.AioRpcError, BreakerOpen):
            return None
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for line in self._lines:
            await line.close()
