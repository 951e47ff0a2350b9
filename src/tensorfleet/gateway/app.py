"""The HTTP application: the slices' routers behind one door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

import tensorfleet.datasets.endpoints
import tensorfleet.fleet.endpoints
import tensorfleet.fleet.scaling_endpoints
import tensorfleet.jobs.endpoints
import tensorfleet.jobs.plot_endpoints
import tensorfleet.ledger.endpoints
import tensorfleet.registry.endpoints
import tensorfleet.tuning.endpoints
from tensorfleet import __version__
from tensorfleet.adapters.migrate import wait_for_schema
from tensorfleet.adapters.redis_link import RedisLink
from tensorfleet.adapters.redis_wakes import RedisWakes
from tensorfleet.composition import Services, build_services, ledger_of
from tensorfleet.fleet.scaling_endpoints import Signals
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.gateway import downloads, health, job_files, plan, profiling
from tensorfleet.gateway.auth import RequireToken
from tensorfleet.gateway.bodies import limit_bodies
from tensorfleet.gateway.problems import add_problem_handlers
from tensorfleet.gateway.scaling import SignalCollector
from tensorfleet.gateway.streams import LogWatcher, Polling, stream_events
from tensorfleet.gateway.telemetry import Telemetry
from tensorfleet.gateway.tracing import traced
from tensorfleet.gateway.waker import OrchestratorLink
from tensorfleet.gateway.why import explain
from tensorfleet.kit.clock import utc_now
from tensorfleet.monitor.wake import wake_monitor, wake_tuner
from tensorfleet.registry.service import RegistryService
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.settings import Settings
from tensorfleet.training import registry as algorithms
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


def build_app(settings: Settings, token: str) -> Asgi:
    """Everything that the gateway serves, as one ASGI application."""
    link = _Link()
    services = build_services(settings, link.wake, lambda: wake_tuner(settings.run_dir))
    wakes = RedisWakes(RedisLink(settings.redis_url)) if settings.redis_url else None
    local = services.database.is_sqlite
    watcher = LogWatcher(services.log, wakes or Polling(0.01 if local else 0.05), in_thread=not local)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # While a store hangs, calls to it hold threads; there have to be some left for everything else.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "asyncio"))
        await asyncio.to_thread(wait_for_schema, services.database)
        if SqlTrialStore(services.database).active():
            wake_tuner(settings.run_dir)
        identity = identity_for(settings, GATEWAY)
        link.value = OrchestratorLink(settings.orchestrator, token, identity)
        check = health.HealthCheck(services, link.value, wakes.link if wakes else None)
        telemetry.check = check.parts
        app.include_router(health.build_router(services, check))
        try:
            with kept_fresh(identity):
                yield
        finally:
            await watcher.close()
            await link.value.close()
            services.database.close()

    app = FastAPI(
        title="TensorFleet",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        description="Train, register and watch models on a fleet of workers.",
    )
    add_problem_handlers(app)
    app.include_router(_api(services, link, watcher), prefix="/api/v1")
    telemetry = Telemetry(services)
    telemetry.registry.register(SignalCollector(_signals(services)))
    app.include_router(telemetry.router())

    _add_docs(app)

    @app.get("/", include_in_schema=False)
    async def welcome() -> PlainTextResponse:
        return PlainTextResponse(WELCOME.format(version=__version__))

    return RequireToken(traced(telemetry.counting(limit_bodies(app))), token)


def _signals(services: Services) -> Signals:
    return Signals(services.settings, SqlScalingStore(services.database, services.log), utc_now)


def _add_docs(app: FastAPI) -> None:
    """The API's page, from files that are installed here: nothing is asked of any other machine."""
    spec = find_spec("fastapi_offline")  # has Swagger UI; its own code is not needed
    assert spec is not None
    assert spec.origin is not None
    app.mount("/api/docs/files", StaticFiles(directory=Path(spec.origin).parent / "static"))

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/api/openapi.json",
            title="TensorFleet API",
            swagger_js_url="/api/docs/files/swagger-ui-bundle.js",
            swagger_css_url="/api/docs/files/swagger-ui.css",
            swagger_favicon_url="/api/docs/files/favicon.png",
        )


def _api(services: Services, link: _Link, watcher: LogWatcher) -> APIRouter:
    api = APIRouter()

    def stream(after: int, job_id: str | None) -> AsyncIterator[bytes]:
        get_job = (lambda: services.jobs.get(job_id)) if job_id is not None else None
        return stream_events(services.log, watcher, after, job_id, get_job)

    def request_worker(worker_id: str, intent: str, **data: Any) -> None:
        services.workers.request(worker_id, intent, utc_now(), **data)
        link.wake()

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
            lambda job_id: explain(services, job_id),
        )
    )
    api.include_router(tensorfleet.jobs.plot_endpoints.build_router(services.jobs))
    api.include_router(tensorfleet.fleet.endpoints.build_router(services.workers, request_worker))
    api.include_router(tensorfleet.fleet.scaling_endpoints.build_router(_signals(services), request_worker))
    api.include_router(tensorfleet.ledger.endpoints.build_router(ledger_of(services)))
    api.include_router(tensorfleet.datasets.endpoints.build_router(services.datasets))
    api.include_router(tensorfleet.registry.endpoints.build_router(models))
    studies = StudyService(services.jobs, SqlTrialStore(services.database), importance)
    api.include_router(tensorfleet.tuning.endpoints.build_router(studies))
    api.include_router(plan.build_router(services))
    api.include_router(downloads.build_router(services))
    api.include_router(job_files.build_router(services))
    api.include_router(profiling.build_router(services))

    @api.get("/algorithms", tags=["jobs"])
    async def list_algorithms() -> JSONResponse:
        return JSONResponse({"items": algorithms.catalogue(), "next_cursor": None})

    return api
