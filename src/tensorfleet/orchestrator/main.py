"""Starts the orchestrator: gRPC server, health, reflection, engine."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.composition import build_services
from tensorfleet.kit.clock import utc_now
from tensorfleet.kit.logs import configure_logging
from tensorfleet.orchestrator.room import Orchestrator
from tensorfleet.orchestrator.servicer import OrchestratorService, RequireToken
from tensorfleet.settings import Settings, ensure_home
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import add_OrchestratorServicer_to_server

SERVICE = "tensorfleet.v1.Orchestrator"
log = structlog.get_logger()


def main(settings: Settings) -> int:
    configure_logging("orchestrator")
    token = ensure_home(settings)
    asyncio.run(serve(settings, token))
    return 0


async def serve(settings: Settings, token: str) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    services = build_services(settings, wake=lambda: None)  # the service wakes the room itself
    await asyncio.to_thread(ensure_schema, services.database)
    room = Orchestrator(settings, services.job_store, services.workers, utc_now)
    server = await _start_server(settings, token, OrchestratorService(room, services.jobs))
    work = asyncio.create_task(room.run())
    stopped = asyncio.create_task(stop.wait())
    log.info("orchestrator is ready", address=settings.orchestrator)
    try:
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        await server.stop(grace=0.5)
        for task in (work, stopped):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        room.engine.close()
        services.database.close()


async def _start_server(settings: Settings, token: str, service: OrchestratorService) -> grpc.aio.Server:
    options = [
        ("grpc.max_receive_message_length", codec.MESSAGE_LIMIT_BYTES),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ]
    server = grpc.aio.server(interceptors=[RequireToken(token)], options=options)
    add_OrchestratorServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    await checks.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    names = (
        pb.DESCRIPTOR.services_by_name["Orchestrator"].full_name,
        health.SERVICE_NAME,
        reflection.SERVICE_NAME,
    )
    reflection.enable_server_reflection(names, server)
    server.add_insecure_port(settings.orchestrator)
    await server.start()
    return server
