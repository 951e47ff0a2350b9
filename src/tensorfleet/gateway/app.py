"""The HTTP application: the slices' routers behind one door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

import tensorfleet.audit.endpoints
import tensorfleet.retention.endpoints
from tensorfleet import __version__
from tensorfleet.access.current import CallersRights
from tensorfleet.adapters.marks import marks_of
from tensorfleet.adapters.migrate import wait_for_schema
from tensorfleet.adapters.redis_buckets import RedisBuckets
from tensorfleet.adapters.redis_link import RedisLink
from tensorfleet.adapters.redis_wakes import RedisWakes
from tensorfleet.composition import build_services
from tensorfleet.gateway import health
from tensorfleet.gateway.answers import AnswerCounts
from tensorfleet.gateway.api_page import add_api_page
from tensorfleet.gateway.auditing import build_audit
from tensorfleet.gateway.auth import Door
from tensorfleet.gateway.bodies import limit_bodies
from tensorfleet.gateway.hardening import hardened
from tensorfleet.gateway.limits import Limits, buckets_of, limited
from tensorfleet.gateway.openapi import DescribedApi, operation_id
from tensorfleet.gateway.people import people_of
from tensorfleet.gateway.personal import veil_of
from tensorfleet.gateway.problems import add_problem_handlers
from tensorfleet.gateway.recalled import Recalled
from tensorfleet.gateway.retention import Sweeper, retention_of
from tensorfleet.gateway.routes import signals_of, slices_of
from tensorfleet.gateway.scaling import SignalCollector
from tensorfleet.gateway.sign_in import add_pages
from tensorfleet.gateway.staying import Staying
from tensorfleet.gateway.streams import LogWatcher, Polling
from tensorfleet.gateway.telemetry import Telemetry
from tensorfleet.gateway.tracing import traced
from tensorfleet.gateway.waker import OrchestratorLink
from tensorfleet.gateway.web_page import add_web_page
from tensorfleet.gateway.whose import Whose
from tensorfleet.kit import tracing
from tensorfleet.kit.clock import utc_now
from tensorfleet.monitor.wake import wake_tuner
from tensorfleet.settings import Settings
from tensorfleet.sla.store import SqlMeasurements
from tensorfleet.trust.home import identity_for
from tensorfleet.trust.renewing import kept_fresh
from tensorfleet.trust.roles import GATEWAY
from tensorfleet.tuning.store import SqlTrialStore

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
THREADS = 64


@dataclass
class _Link:
    """The way to the orchestrator, there once the event loop runs."""

    value: OrchestratorLink | None = field(default=None)

    def wake(self) -> None:
        if self.value is not None:
            self.value.wake()

    async def serving(self) -> list[bool | None]:
        return await self.value.serving() if self.value is not None else []


def build_app(settings: Settings, token: str) -> Asgi:
    """Everything that the gateway serves, as one ASGI application."""
    link = _Link()
    services = build_services(settings, link.wake, lambda: wake_tuner(settings.run_dir), CallersRights())
    buckets = buckets_of(settings.redis_url, token)
    people = people_of(settings, token, services, buckets)
    wakes = RedisWakes(RedisLink(settings.redis_url)) if settings.redis_url else None
    local = services.database.is_sqlite
    marks = marks_of(services.database)
    watcher = LogWatcher(services.log, wakes or Polling(0.01 if local else 0.05), in_thread=not local)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # While a store hangs, calls to it hold threads; there have to be some left for everything else.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "asyncio"))
        await asyncio.to_thread(wait_for_schema, services.database)
        await asyncio.to_thread(services.vault.say_at_start)
        audit.start()
        if SqlTrialStore(services.database).active():
            wake_tuner(settings.run_dir)
        identity = await asyncio.to_thread(identity_for, settings, GATEWAY)
        link.value = OrchestratorLink(settings.orchestrator, token, identity)
        try:
            with kept_fresh(identity), sweeper.running():
                async with counted.kept():
                    yield
        finally:
            await watcher.close()
            await marks.aclose()
            await asyncio.to_thread(audit.close)
            if isinstance(buckets, RedisBuckets):
                await buckets.aclose()
            await link.value.close()
            services.database.close()

    app = DescribedApi(
        title="TensorFleet",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    add_problem_handlers(app)
    whose = Whose(services.job_store.workspace_of, services.job_store.workspaces)
    api = slices_of(services, link.wake, watcher, whose)
    for router in people.routers(services, token, link.wake):
        api.include_router(router)
    audit = build_audit(services, token, whose.workspace_of, veil_of(people.store, people.fields))
    api.include_router(tensorfleet.audit.endpoints.build_router(audit.log, audit.journal.settle))
    retention = retention_of(services, audit.journal)
    api.include_router(tensorfleet.retention.endpoints.build_router(retention))
    sweeper = Sweeper(services, retention)
    app.include_router(api, prefix="/api/v1")
    check = health.HealthCheck(services, link, wakes.link if wakes else None)
    app.include_router(health.build_router(services, check))
    telemetry = Telemetry(services)
    telemetry.check = check.parts
    keep = timedelta(days=settings.sla.keep_days)
    counted = AnswerCounts(SqlMeasurements(services.database), utc_now, keep, settings.sla.every_s)
    telemetry.answered = counted.note
    telemetry.registry.register(SignalCollector(signals_of(services)))
    app.include_router(telemetry.router())

    add_api_page(app)
    add_pages(app)
    add_web_page(app)

    limits = Limits(settings.limits, buckets)
    stays = Staying(limit_bodies(app), people.sign_in.again)
    people.also_forget.append(stays.forget)
    inside = traced(telemetry.counting(audit.calls.inside(limited(stays, limits))))
    door = Door(inside, people.known, whose.workspace_of, people.browser)
    whole = hardened(audit.calls.at_the_door(door), settings.web, settings.https_for_s)
    # A trace shows each call; what is recalled would be missing in it.
    return whole if tracing.enabled() else Recalled(whole, marks, door.remembered, limits, telemetry)
