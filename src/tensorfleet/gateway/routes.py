"""The routes under `/api/v1` that the slices bring along, each with what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter

import tensorfleet.datasets.endpoints
import tensorfleet.fleet.endpoints
import tensorfleet.fleet.scaling_endpoints
import tensorfleet.fleet.usage_endpoints
import tensorfleet.jobs.endpoints
import tensorfleet.jobs.plot_endpoints
import tensorfleet.ledger.endpoints
import tensorfleet.lineage.endpoints
import tensorfleet.registry.endpoints
import tensorfleet.secrets.endpoints
import tensorfleet.series.endpoints
import tensorfleet.sla.endpoints
import tensorfleet.tuning.endpoints
import tensorfleet.webhooks.endpoints
from tensorfleet.access.current import the_caller, visible
from tensorfleet.access.model import Permission
from tensorfleet.audit.current import note
from tensorfleet.composition import Services, ledger_of, service_levels_of
from tensorfleet.fleet.scaling_endpoints import Signals
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.fleet.usage_store import SqlUsage
from tensorfleet.gateway import catalogue, downloads, job_files, plan, profiling, shown_settings
from tensorfleet.gateway.streams import LogWatcher, stream_events
from tensorfleet.gateway.webhooks import sealed_columns, webhooks_of
from tensorfleet.gateway.whose import Whose
from tensorfleet.gateway.why import explain
from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import utc_now
from tensorfleet.lineage.model import Node, NodeKind
from tensorfleet.lineage.service import Lineage
from tensorfleet.lineage.store import SqlLineage
from tensorfleet.monitor.wake import wake_monitor
from tensorfleet.registry.service import RegistryService
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.secrets.ports import SealedRows
from tensorfleet.secrets.service import SecretService
from tensorfleet.series.service import SeriesService
from tensorfleet.series.store import SqlSeriesStore
from tensorfleet.tuner.importance import importance
from tensorfleet.tuning.service import StudyService
from tensorfleet.tuning.store import SqlTrialStore


def slices_of(services: Services, wake: Callable[[], None], watcher: LogWatcher, whose: Whose) -> APIRouter:
    api = APIRouter()

    def stream(after: int, job_id: str | None, detail: frozenset[str] | None) -> AsyncIterator[bytes]:
        get_job = (lambda: services.jobs.get(job_id)) if job_id is not None else None
        keep = None if job_id is not None or visible(Permission.JOBS_READ) is None else _kept_by(whose)
        return stream_events(services.log, watcher, after, job_id, get_job, keep, detail)

    def request_worker(worker_id: str, intent: str, **data: Any) -> None:
        services.workers.request(worker_id, intent, utc_now(), **data)
        note(target=("worker", worker_id) if worker_id else None, after={"intent": intent, **data})
        wake()

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
    series = SeriesService(SqlSeriesStore(services.database))
    api.include_router(tensorfleet.series.endpoints.build_router(series, whose.find))
    api.include_router(tensorfleet.jobs.plot_endpoints.build_router(services.jobs, series.drawn))
    api.include_router(
        tensorfleet.fleet.endpoints.build_router(services.workers, request_worker, whose.redacted)
    )
    api.include_router(
        tensorfleet.fleet.usage_endpoints.build_router(
            SqlUsage(services.database), services.workers.get, utc_now
        )
    )
    api.include_router(
        tensorfleet.fleet.scaling_endpoints.build_router(signals_of(services), request_worker, whose.redacted)
    )
    api.include_router(tensorfleet.ledger.endpoints.build_router(ledger_of(services)))
    levels = service_levels_of(services.settings, services.database)
    api.include_router(tensorfleet.sla.endpoints.build_router(levels))
    api.include_router(tensorfleet.datasets.endpoints.build_router(services.datasets))
    lineage = Lineage(SqlLineage(services.database), may_see_node)
    api.include_router(tensorfleet.lineage.endpoints.build_router(lineage))
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
    api.include_router(shown_settings.build_router(services.settings))

    return api


def _kept_by(whose: Whose) -> Callable[[Event], bool]:
    """Of the whole platform's events those of jobs that the caller may see, now and for as long as the stream lasts."""
    return lambda event: event.job_id is not None and whose.may_see(event.job_id)


_READS = {NodeKind.DATASET: Permission.DATASETS_READ, NodeKind.MODEL: Permission.MODELS_READ}


def may_see_node(node: Node) -> bool:
    return the_caller().may(_READS.get(node.kind, Permission.JOBS_READ), node.workspace)


def signals_of(services: Services) -> Signals:
    return Signals(services.settings, SqlScalingStore(services.database, services.log), utc_now)
