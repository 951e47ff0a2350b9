"""Starts the orchestrator: gRPC server, health, reflection, engine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tensorfleet import __version__
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.composition import Services, build_services, service_levels_of
from tensorfleet.errors import LostLead, StorageFull, TensorFleetError, Unavailable
from tensorfleet.fleet.conditions import SqlConditions
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.fleet.ports import Launcher
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.fleet.usage_store import SqlUsage
from tensorfleet.jobs.held_leases import SqlHeldLeases
from tensorfleet.kit.clock import steady_clock, utc_now
from tensorfleet.kit.logs import configure_logging
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.orchestrator.audited import AuditedCalls, audited_calls
from tensorfleet.orchestrator.launcher_trouble import LauncherTrouble
from tensorfleet.orchestrator.lending import build_lending
from tensorfleet.orchestrator.room import Orchestrator
from tensorfleet.orchestrator.servicer import LeaderOnly, OrchestratorService, RequireToken
from tensorfleet.orchestrator.sound import SoundAnswers
from tensorfleet.settings import Settings, ensure_home
from tensorfleet.sla.store import SqlMeasurements
from tensorfleet.trust.identity import Identity
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import add_OrchestratorServicer_to_server

if TYPE_CHECKING:
    from tensorfleet.kit.exposition import MetricsServer
    from tensorfleet.orchestrator.trusted import RequireCertificate

SERVICE = "tensorfleet.v1.Orchestrator"
STANDBY_LOOK_S = 0.5
PULSE_S = 1.0
STUCK_S = 20.0
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
        settings,
        services.job_store,
        services.workers,
        leadership,
        steady_clock(),
        launcher,
        scaling,
        SqlLedgerStore(services.database),
        services.log,
        SqlMeasurements(services.database),
        service_levels_of(settings, services.database),
        services.vault,
        SqlUsage(services.database),
    )
    told = SqlConditions(services.database)
    room.watch.trouble = LauncherTrouble(told, utc_now, room.engine.call)
    gate = LeaderOnly()
    pulse = Pulse()
    shown = _show(room, gate, settings, token, pulse) if settings.metrics.orchestrator else None
    identity, guard = await _when_trusted(settings, stop)
    admission = guard or RequireToken(token)
    lending = build_lending(settings, services.objects, SqlHeldLeases(services.database))
    calls = audited_calls(services, token)
    service = OrchestratorService(room, services.jobs, lending, calls)
    server, checks = await _start_server(settings, admission, identity, gate, service)
    pulse.serves = True
    trust = asyncio.create_task(_keep_trust(settings, identity, guard))
    work = asyncio.create_task(_lead(settings, services, leadership, room, gate, checks, calls))
    stopped = asyncio.create_task(stop.wait())
    beating = asyncio.create_task(pulse.beat())
    try:
        await asyncio.wait({work, stopped, trust}, return_when=asyncio.FIRST_COMPLETED)
        for ended in (work, trust):
            if ended.done():
                ended.result()
    finally:
        gate.leads = False
        await server.stop(grace=0.5)
        for task in (work, stopped, trust, beating):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        with contextlib.suppress(TensorFleetError):
            await asyncio.to_thread(leadership.resign)
        room.engine.close()
        await asyncio.to_thread(calls.close)
        lending.close()
        launcher.close()
        if shown is not None:
            shown.close()
        services.database.close()


def _trust(settings: Settings) -> tuple[Identity, RequireCertificate] | tuple[None, None]:
    """Who this is to other machines, and who looks at those that call; nothing where only this machine calls."""
    if not settings.secured or settings.listen.startswith("unix:"):
        return None, None
    from tensorfleet.orchestrator.trusted import RequireCertificate
    from tensorfleet.trust import home

    home.begin(settings)
    identity = home.identity_for(settings, "orchestrator")
    assert identity is not None
    return identity, RequireCertificate(utc_now)


async def _when_trusted(
    settings: Settings, stop: asyncio.Event
) -> tuple[Identity, RequireCertificate] | tuple[None, None]:
    """Waits for a database in which the authority lies."""
    while True:
        try:
            return await asyncio.to_thread(_trust, settings)
        except Unavailable as error:
            log.warning("the authority is away; the orchestrator waits for it", detail=error.detail)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), STANDBY_LOOK_S)
            if stop.is_set():
                raise


class Pulse:
    """Whether the loop that serves everybody turns, as another thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self.serves = False

    async def beat(self) -> None:
        while True:
            self._last = self._clock()
            await asyncio.sleep(PULSE_S)

    @property
    def lives(self) -> bool:
        return not self.serves or self._clock() - self._last < STUCK_S


async def _keep_trust(
    settings: Settings, identity: Identity | None, guard: RequireCertificate | None
) -> None:
    if identity is None or guard is None:
        await asyncio.Event().wait()
        return
    from tensorfleet.orchestrator.trusted import keep_trust

    await keep_trust(settings, identity, guard, utc_now)


def _show(
    room: Orchestrator, gate: LeaderOnly, settings: Settings, token: str, pulse: Pulse
) -> MetricsServer:
    from tensorfleet.kit.exposition import MetricsServer, new_registry
    from tensorfleet.orchestrator.numbers import Numbers

    registry = new_registry("orchestrator", __version__)
    numbers = Numbers(registry)
    numbers.show(lambda: gate.leads, lambda: len(room.sessions))
    room.engine.watchers.append(numbers.follow)
    checks = {"/health/live": lambda: pulse.lives, "/health/ready": lambda: pulse.serves and pulse.lives}
    return MetricsServer(
        registry, settings.metrics.address_of("orchestrator"), settings.metrics.token_or(token), checks
    )


async def _lead(
    settings: Settings,
    services: Services,
    leadership: SqlLeadership,
    room: Orchestrator,
    gate: LeaderOnly,
    checks: health.aio.HealthServicer,
    calls: AuditedCalls,
) -> None:
    """Waits for the database and the lead, then works until it is cancelled or loses it."""
    waited = False
    while not await asyncio.to_thread(_take_lead, services.database, leadership):
        if not waited:
            log.info("standing by: another orchestrator leads, or the metadata store is away")
        waited = True
        await asyncio.sleep(STANDBY_LOOK_S)
    await asyncio.to_thread(services.vault.say_at_start)
    await asyncio.to_thread(calls.start)
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
    settings: Settings,
    admission: grpc.aio.ServerInterceptor,
    identity: Identity | None,
    gate: LeaderOnly,
    service: OrchestratorService,
) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    options = [
        ("grpc.max_receive_message_length", codec.MESSAGE_LIMIT_BYTES),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.so_reuseport", 0),  # a second process at the same address is a mistake, not a helper
    ]
    server = grpc.aio.server(interceptors=[admission, gate, SoundAnswers()], options=options)
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
    if identity is None:
        server.add_insecure_port(settings.listen)
    else:
        from tensorfleet.trust.channels import server_credentials

        server.add_secure_port(settings.listen, server_credentials(identity))
    await server.start()
    return server, checks
