"""A nudge for the orchestrator: there is something new in the database."""

from __future__ import annotations

import asyncio
import contextlib

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

WAKE_TIMEOUT_S = 2.0


class OrchestratorLink:
    """Best effort: an orchestrator that is away finds the work in the database when it comes back.

    Args:
        addresses: of all that may lead, separated by commas; those that stand by refuse.
    """

    def __init__(self, addresses: str, token: str) -> None:
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
        self._channels = [
            grpc.aio.insecure_channel(address.strip(), options=options) for address in addresses.split(",")
        ]
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._loop = asyncio.get_running_loop()
        self._wanted = [asyncio.Event() for _ in self._channels]
        self._tasks = [
            asyncio.create_task(self._run(channel, wanted))
            for channel, wanted in zip(self._channels, self._wanted, strict=True)
        ]

    def wake(self) -> None:
        """May be called from any thread; several calls at once become one."""
        for wanted in self._wanted:
            self._loop.call_soon_threadsafe(wanted.set)

    async def _run(self, channel: grpc.aio.Channel, wanted: asyncio.Event) -> None:
        stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
        while True:
            await wanted.wait()
            wanted.clear()
            with contextlib.suppress(grpc.aio.AioRpcError):
                await stub.Wake(pb.WakeRequest(), metadata=self._metadata, timeout=WAKE_TIMEOUT_S)

    async def is_serving(self) -> bool:
        """Whether one of them leads."""
        return True in await self.serving()

    async def serving(self) -> list[bool | None]:
        """For each address: whether the one there leads (True) or stands by (False); None where nobody answers."""
        return list(await asyncio.gather(*(self._serves(channel) for channel in self._channels)))

    async def _serves(self, channel: grpc.aio.Channel) -> bool | None:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(
                health_pb2.HealthCheckRequest(service="tensorfleet.v1.Orchestrator"), timeout=1.0
            )
        except grpc.aio.AioRpcError:
            return None
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for channel in self._channels:
            await channel.close(None)
