"""Starts the orchestrator: gRPC server, health, reflection, engine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.composition import build_services
from tensorfleet.errors import LostLead, StorageFull, TensorFleetError, Unavailable
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.fleet.ports import Launcher
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.kit.clock import steady_clock
from tensorfleet.kit.logs import configure_logging
from tensorfleet.orchestrator.room import Orchestrator
from tensorfleet.orchestrator.servicer import LeaderOnly, OrchestratorService, RequireToken
from tensorfleet.settings import Settings, ensure_home
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import add_OrchestratorServicer_to_server

SERVICE = "tensorfleet.v1.Orchestrator"
STANDBY_LOOK_S = 0.5
THREAD_SWITCH_S = 0.0005
"""The engine's thread waits for the database a dozen times in each transaction.  Python's 5 ms is what it could then have to
wait each time for the thread that serves the agents."""
log = structlog.get_logger()


def main(settings: Settings, build_launcher: Callable[[Settings, str], Launcher]) -> int:
    configure_logging("orchestrator")
    sys.setswitchinterval(THREAD_SWITCH_S)
    token = ensure_home(settings)
    try:
        asyncio.run(serve(settings, token, build_launcher(settings, token)))
    except LostLead as error:
        log.warning("ending, to stand by again", detail=error.detail)
        return 1
    return 0


async def serve(settings: Settings, token: str, launcher: Launcher) -> None:
    """Serves until SIGTERM or SIGINT: as a standby first, then, once nobody else leads, as the leader.

    Raises:
        LostLead: another orchestrator has taken over.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    services = build_services(settings, wake=lambda: None)  # the service wakes the room itself
    leadership = SqlLeadership(services.database, _name(settings), settings.leader_lease_s)
    scaling = SqlScalingStore(services.database, services.log)
    room = Orchestrator(
        settings, services.job_store, services.workers, leadership, steady_clock(), launcher, scaling
    )
    gate = LeaderOnly()
    server, checks = await _start_server(settings, token, gate, OrchestratorService(room, services.jobs))
    work = asyncio.create_task(_lead(settings, services.database, leadership, room, gate, checks))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        gate.leads = False
        await server.stop(grace=0.5)
        for task in (work, stopped):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        with contextlib.suppress(TensorFleetError):
            await asyncio.to_thread(leadership.resign)
        room.engine.close()
        launcher.close()
        services.database.close()


async def _lead(
    settings: Settings,
    database: Database,
    leadership: SqlLeadership,
    room: Orchestrator,
    gate: LeaderOnly,
    checks: health.aio.HealthServicer,
) -> None:
    """Waits for the database and the lead, then works until it is cancelled or loses it."""
    waited = False
    while not await asyncio.to_thread(_take_lead, database, leadership):
        if not waited:
            log.info("standing by: another orchestrator leads, or the metadata store is away")
        waited = True
        await asyncio.sleep(STANDBY_LOOK_S)
    work = asyncio.create_task(room.run())
    await asyncio.wait({work, asyncio.create_task(room.loaded.wait())}, return_when=asyncio.FIRST_COMPLETED)
    gate.leads = True
    await checks.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    log.info("orchestrator is ready", address=settings.listen, term=leadership.term)
    try:
        await work
    except* LostLead as lost:
        raise lost.exceptions[0] from None
    finally:
        work.cancel()


def _take_lead(database: Database, leadership: SqlLeadership) -> bool:
    try:
        ensure_schema(database)
        return leadership.acquire()
    except (Unavailable, StorageFull) as error:
        log.warning("the metadata store is away; the orchestrator waits for it", detail=error.detail)
        return False


def _name(settings: Settings) -> str:
    """The same after a restart, and nobody else's: two processes cannot listen at one address."""
    return f"{socket.gethostname()} {settings.listen}"


async def _start_server(
    settings: Settings, token: str, gate: LeaderOnly, service: OrchestratorService
) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    options = [
        ("grpc.max_receive_message_length", codec.MESSAGE_LIMIT_BYTES),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.so_reuseport", 0),  # a second process at the same address is a mistake, not a helper
    ]
    server = grpc.aio.server(interceptors=[RequireToken(token), gate], options=options)
    add_OrchestratorServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    await checks.set(SERVICE, health_pb2.HealthCheckResponse.NOT_SERVING)
    names = (
        pb.DESCRIPTOR.services_by_name["Orchestrator"].full_name,
        health.SERVICE_NAME,
        reflection.SERVICE_NAME,
    )
    reflection.enable_server_reflection(names, server)
    server.add_insecure_port(settings.listen)
    await server.start()
    return server, checks
