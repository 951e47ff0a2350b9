"""A nudge for the orchestrator: there is something new in the database."""

from __future__ import annotations

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

WAKE_TIMEOUT_S = 2.0


class OrchestratorLink:
    """Best effort: an orchestrator that is away finds the work in the database when it comes back."""

    def __init__(self, address: str, token: str) -> None:
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
        self._channel = grpc.aio.insecure_channel(address, options=options)
        self._stub = OrchestratorStub(self._channel)  # type: ignore[no-untyped-call]
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._loop = asyncio.get_running_loop()
        self._wanted = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """May be called from any thread; several calls at once become one."""
        self._loop.call_soon_threadsafe(self._wanted.set)

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._stub.Wake(pb.WakeRequest(), metadata=self._metadata, timeout=WAKE_TIMEOUT_S)
            except grpc.aio.AioRpcError:
                continue

    async def is_serving(self) -> bool:
        stub = health_pb2_grpc.HealthStub(self._channel)
        try:
            answer = await stub.Check(
                health_pb2.HealthCheckRequest(service="tensorfleet.v1.Orchestrator"), timeout=1.0
            )
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        self._task.cancel()
        await self._channel.close(None)
