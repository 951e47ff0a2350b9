"""The HTTP application: the slices' routers behind one door."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

import tensorfleet.access.endpoints
import tensorfleet.audit.endpoints
import tensorfleet.datasets.endpoints
import tensorfleet.fleet.endpoints
import tensorfleet.fleet.scaling_endpoints
import tensorfleet.gateway.sign_in
import tensorfleet.jobs.endpoints
import tensorfleet.jobs.plot_endpoints
import tensorfleet.ledger.endpoints
import tensorfleet.quotas.endpoints
import tensorfleet.registry.endpoints
import tensorfleet.retention.endpoints
import tensorfleet.secrets.endpoints
import tensorfleet.sla.endpoints
import tensorfleet.tuning.endpoints
import tensorfleet.webhooks.endpoints
from tensorfleet import __version__
from tensorfleet.access.current import CallersRights, visible
from tensorfleet.access.model import Permission
from tensorfleet.access.sealed_store import SealedAccessStore
from tensorfleet.access.service import AccessService
from tensorfleet.access.sign_in import Remembered, SignIn
from tensorfleet.adapters.marks import marks_of
from tensorfleet.adapters.migrate import wait_for_schema
from tensorfleet.adapters.redis_buckets import RedisBuckets
from tensorfleet.adapters.redis_link import RedisLink
from tensorfleet.adapters.redis_wakes import RedisWakes
from tensorfleet.audit.current import note
from tensorfleet.composition import Services, build_services, ledger_of, service_levels_of
from tensorfleet.fleet.scaling_endpoints import Signals
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.gateway import catalogue, downloads, health, job_files, plan, profiling
from tensorfleet.gateway.answers import AnswerCounts
from tensorfleet.gateway.auditing import build_audit
from tensorfleet.gateway.auth import Door
from tensorfleet.gateway.bodies import limit_bodies
from tensorfleet.gateway.browser import browser_of
from tensorfleet.gateway.hardening import hardened, policy_of
from tensorfleet.gateway.limits import Limits, SignInLimits, buckets_of, limited
from tensorfleet.gateway.openapi import DescribedApi, operation_id
from tensorfleet.gateway.personal import personal_fields, veil_of
from tensorfleet.gateway.problems import add_problem_handlers
from tensorfleet.gateway.recalled import Recalled
from tensorfleet.gateway.retention import Sweeper, retention_of
from tensorfleet.gateway.scaling import SignalCollector
from tensorfleet.gateway.sign_in import add_pages
from tensorfleet.gateway.staying import Staying
from tensorfleet.gateway.streams import LogWatcher, Polling, stream_events
from tensorfleet.gateway.telemetry import Telemetry
from tensorfleet.gateway.tracing import traced
from tensorfleet.gateway.waker import OrchestratorLink
from tensorfleet.gateway.webhooks import sealed_columns, webhooks_of
from tensorfleet.gateway.whose import Whose
from tensorfleet.gateway.why import explain
from tensorfleet.jobs.model import Event
from tensorfleet.kit import tracing
from tensorfleet.kit.clock import utc_now
from tensorfleet.kit.conditional import tagged
from tensorfleet.monitor.wake import wake_monitor, wake_tuner
from tensorfleet.quotas.service import QuotaService
from tensorfleet.registry.service import RegistryService
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.secrets.ports import SealedRows
from tensorfleet.secrets.service import SecretService
from tensorfleet.settings import Settings
from tensorfleet.sla.store import SqlMeasurements
from tensorfleet.trust.home import identity_for
from tensorfleet.trust.renewing import kept_fresh
from tensorfleet.trust.roles import GATEWAY
from tensorfleet.tuner.importance import importance
from tensorfleet.tuning.service import StudyService
from tensorfleet.tuning.store import SqlTrialStore

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
THREADS = 64
WELCOME = """TensorFleet {version}

The command line:  tensorfleet --help
The API:           /api/docs  (every call but this takes "Authorization: Bearer TOKEN")
How it is:         /health
"""


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
    fields = personal_fields(services.database, token)
    access = SealedAccessStore(services.database, fields)
    buckets = buckets_of(settings.redis_url, token)
    guard = SignInLimits(settings.limits, buckets)
    sign_in = SignIn(access, token, utc_now, guard, settings.metrics.token.get_secret_value())
    known = Remembered(sign_in.principal, time.monotonic)
    browser = browser_of(settings, access, token)

    def forget() -> None:
        known.forget()
        browser.forget()
        stays.forget()

    people = AccessService(access, token, utc_now, forget, fields)
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
    api = _api(services, link, watcher, whose)
    api.include_router(tensorfleet.access.endpoints.build_router(people, sign_in, forget))
    quotas = QuotaService(
        services.quotas, lambda name: access.find_workspace(name) is not None, utc_now, link.wake
    )
    api.include_router(tensorfleet.quotas.endpoints.build_router(quotas))
    api.include_router(
        tensorfleet.gateway.sign_in.build_router(settings, token, access, browser, sign_in, people, guard)
    )
    audit = build_audit(services, token, whose.workspace_of, veil_of(access, fields))
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
    telemetry.registry.register(SignalCollector(_signals(services)))
    app.include_router(telemetry.router())

    _add_docs(app)
    add_pages(app)

    @app.get("/", include_in_schema=False)
    async def welcome() -> PlainTextResponse:
        return PlainTextResponse(WELCOME.format(version=__version__))

    limits = Limits(settings.limits, buckets)
    stays = Staying(limit_bodies(app), sign_in.again)
    inside = traced(telemetry.counting(audit.calls.inside(limited(stays, limits))))
    door = Door(inside, known, whose.workspace_of, browser)
    whole = hardened(audit.calls.at_the_door(door), settings.web, settings.https_for_s)
    # A trace shows each call; what is recalled would be missing in it.
    return whole if tracing.enabled() else Recalled(whole, marks, door.remembered, limits, telemetry)


def _kept_by(whose: Whose) -> Callable[[Event], bool]:
    """Of the whole platform's events those of jobs that the caller may see, now and for as long as the stream lasts."""
    return lambda event: event.job_id is not None and whose.may_see(event.job_id)


def _signals(services: Services) -> Signals:
    return Signals(services.settings, SqlScalingStore(services.database, services.log), utc_now)


def _add_docs(app: FastAPI) -> None:
    """The API's page, from files that are installed here: nothing is asked of any other machine."""
    spec = find_spec("fastapi_offline")  # has Swagger UI; its own code is not needed
    assert spec is not None
    assert spec.origin is not None
    app.mount("/api/docs/files", StaticFiles(directory=Path(spec.origin).parent / "static"))

    @app.get("/api/openapi.json", include_in_schema=False)
    async def description(request: Request) -> Response:
        return tagged(
            request, await asyncio.to_thread(app.openapi)
        )  # made at the first call, which takes a second

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/api/openapi.json",
            title="TensorFleet API",
            swagger_js_url="/api/docs/files/swagger-ui-bundle.js",
            swagger_css_url="/api/docs/files/swagger-ui.css",
            swagger_favicon_url="/api/docs/files/favicon.png",
        )
        page.headers["Content-Security-Policy"] = policy_of(bytes(page.body))
        return page


def _api(services: Services, link: _Link, watcher: LogWatcher, whose: Whose) -> APIRouter:
    api = APIRouter()

    def stream(after: int, job_id: str | None) -> AsyncIterator[bytes]:
        get_job = (lambda: services.jobs.get(job_id)) if job_id is not None else None
        keep = None if job_id is not None or visible(Permission.JOBS_READ) is None else _kept_by(whose)
        return stream_events(services.log, watcher, after, job_id, get_job, keep)

    def request_worker(worker_id: str, intent: str, **data: Any) -> None:
        services.workers.request(worker_id, intent, utc_now(), **data)
        note(target=("worker", worker_id) if worker_id else None, after={"intent": intent, **data})
        link.wake()

    api.include_router(tensorfleet.webhooks.endpoints.build_router(webhooks_of(services)))
    models = RegistryService(
        SqlRegistryStore(services.database),
        services.objects,
        services.settings.objects,
        lambda: wake_monitor(services.settings.run_dir),
    )
    api.include_router(
        tensorfleet.jobs.endpoints.build_router(
            services.jobs,
            services.forks,
            services.provenance,
            services.log,
            stream,
            lambda job_id: whose.redacted(explain(services, job_id)),
        )
    )
    api.include_router(tensorfleet.jobs.plot_endpoints.build_router(services.jobs))
    api.include_router(
        tensorfleet.fleet.endpoints.build_router(services.workers, request_worker, whose.redacted)
    )
    api.include_router(
        tensorfleet.fleet.scaling_endpoints.build_router(_signals(services), request_worker, whose.redacted)
    )
    api.include_router(tensorfleet.ledger.endpoints.build_router(ledger_of(services)))
    levels = service_levels_of(services.settings, services.database)
    api.include_router(tensorfleet.sla.endpoints.build_router(levels))
    api.include_router(tensorfleet.datasets.endpoints.build_router(services.datasets))
    sealed: tuple[SealedRows, ...] = (services.secrets, *sealed_columns(services.database))
    secrets = SecretService(services.secrets, services.vault, utc_now, sealed)
    api.include_router(tensorfleet.secrets.endpoints.build_router(secrets))
    api.include_router(tensorfleet.registry.endpoints.build_router(models))
    studies = StudyService(services.jobs, SqlTrialStore(services.database), importance)
    api.include_router(tensorfleet.tuning.endpoints.build_router(studies))
    api.include_router(plan.build_router(services, whose.redacted))
    api.include_router(downloads.build_router(services, whose))
    api.include_router(job_files.build_router(services))
    api.include_router(profiling.build_router(services))

    api.include_router(catalogue.build_router())

    return api
