"""The wiring that several process rooms share: stores and use cases over one set of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.guarded import GuardedObjectStore, guard_objects
from tensorfleet.adapters.objectstore import OF_REQUESTS, open_object_store
from tensorfleet.adapters.redis_wakes import open_herald
from tensorfleet.datasets.inspection import Inspector
from tensorfleet.datasets.service import DatasetService
from tensorfleet.datasets.store import SqlDatasetStore
from tensorfleet.errors import FieldError, NotFound
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.ports import WorkerType
from tensorfleet.fleet.snapshot import demand_of, take_snapshot
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.health.model import Limits as HealthLimits
from tensorfleet.health.model import Pace
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.forks import Forks
from tensorfleet.jobs.leftovers import Leftovers
from tensorfleet.jobs.ports import Rights
from tensorfleet.jobs.provenance import Provenance
from tensorfleet.jobs.schemas import JobSpec
from tensorfleet.jobs.service import JobService
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.kit.clock import utc_now
from tensorfleet.ledger.budgets import Budget
from tensorfleet.ledger.model import Price, PriceBook
from tensorfleet.ledger.service import Ledger
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.objects.blobs import BlobStore
from tensorfleet.quotas.model import Limits as QuotaLimits
from tensorfleet.quotas.store import SqlQuotaStore
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.scaling.model import Limits
from tensorfleet.scaling.packing import largest_fleet
from tensorfleet.scaling.windows import Window
from tensorfleet.scheduling.model import Quota
from tensorfleet.scheduling.room import capacity
from tensorfleet.secrets.keys import add_key, load_keyring
from tensorfleet.secrets.service import missing
from tensorfleet.secrets.store import SqlSecretStore
from tensorfleet.secrets.vault import Vault
from tensorfleet.settings import Settings
from tensorfleet.settings_autoscale import days_of, find_zone
from tensorfleet.settings_sla import ObjectiveSettings
from tensorfleet.sla.model import Objectives, parse_objectives
from tensorfleet.sla.service import ServiceLevels
from tensorfleet.sla.store import SqlJobFigures, SqlMeasurements
from tensorfleet.training import provenance, registry
from tensorfleet.training.exporting import check_formats
from tensorfleet.tuning.space import parse_space, space_errors

MOST_ACCUMULATION = 64
"""A model that does not fit with a 64th of its batch will not fit with less."""

STILL_COUNTS_S = 600.0
EXTRAS_OF_SAMPLERS = {"cmaes": ("cmaes",), "gp": ("torch",)}
MOST_DIFF_BYTES = 1024**2


@dataclass(frozen=True)
class Services:
    """Everything that a room of the control plane may compose."""

    settings: Settings
    database: Database
    log: SqlEventLog
    job_store: SqlJobStore
    jobs: JobService
    forks: Forks
    provenance: Provenance
    workers: SqlWorkerStore
    objects: GuardedObjectStore
    blobs: BlobStore
    datasets: DatasetService
    secrets: SqlSecretStore
    vault: Vault
    quotas: SqlQuotaStore


def build_services(
    settings: Settings,
    wake: Callable[[], None],
    wake_tuner: Callable[[], None] = lambda: None,
    rights: Rights | None = None,
) -> Services:
    """`wake` is called after something was left for the orchestrator to do, `wake_tuner` for the tuner; `rights` are of
    whoever calls, where that is not the platform itself.
    """
    database = Database(settings.database, open_herald(settings.redis_url))
    log = SqlEventLog(database)
    quotas = SqlQuotaStore(database, log, quotas_of(settings))
    job_store = SqlJobStore(database, quotas.admit_jobs)
    workers = SqlWorkerStore(database)
    objects = guard_objects(open_object_store(settings.objects, patience=OF_REQUESTS))
    blobs = BlobStore(objects)
    work_dir = Path(settings.home) / "work"
    work_dir.mkdir(parents=True, exist_ok=True)
    datasets = DatasetService(
        SqlDatasetStore(database, quotas.admit_dataset),
        blobs,
        work_dir,
        inspector=Inspector(settings.objects),
        max_upload_bytes=settings.max_upload_bytes,
    )
    registered = SqlRegistryStore(database).refers_to
    leftovers = Leftovers(objects, log, job_store.shares_provenance, registered)
    secrets = SqlSecretStore(database)
    grows = limits_of(settings) if settings.autoscale.enabled else None
    inputs = FleetInputs(datasets, blobs, workers, grows, secrets)
    jobs = JobService(job_store, log, inputs, utc_now, wake, wake_tuner, leftovers.clear, rights)
    forks = Forks(jobs, job_store, log, objects.copy, wake)
    made_of = Provenance(
        jobs,
        job_store,
        log,
        objects.get,
        lambda digest: b"".join(blobs.stream(digest, 0, MOST_DIFF_BYTES)),
        provenance.hyperparameters,
        wake,
    )
    return Services(
        settings=settings, database=database, log=log, job_store=job_store, jobs=jobs, forks=forks, provenance=made_of,
        workers=workers, objects=objects, blobs=blobs, datasets=datasets, secrets=secrets,
        vault=vault_of(settings, secrets), quotas=quotas,
    )  # fmt: skip


def vault_of(settings: Settings, secrets: SqlSecretStore) -> Vault:
    """The platform's keys, for all that is kept sealed."""
    return Vault(partial(load_keyring, settings), partial(add_key, settings), secrets, utc_now)


def worker_types_of(settings: Settings) -> tuple[WorkerType, ...]:
    """The kinds of agents that may be started."""
    fields = [one.model_dump() for one in settings.fleet.types]
    return tuple(WorkerType(memory_bytes=one.pop("memory"), **one) for one in fields)


def limits_of(settings: Settings) -> Limits:
    """What the autoscaler may do."""
    given = settings.autoscale
    windows = (
        Window(window.min, window.begin, window.end, days_of(window.days), find_zone(window.zone))
        for window in given.schedule
    )
    return Limits(
        worker_types_of(settings),
        least=given.min,
        most=given.max,
        up=given.scale_up_threshold,
        down=given.scale_down_threshold,
        max_queue=given.max_queue,
        cool_down_s=given.cool_down_s,
        join_s=given.join_s,
        spot_share=given.spot_share,
        spot_pause_s=given.spot_pause_s,
        schedule=tuple(windows),
    )


def health_limits_of(settings: Settings) -> HealthLimits:
    """From where on a machine is not well."""
    given = settings.health
    return HealthLimits(
        clock_degraded_s=given.clock_degraded_s,
        clock_failed_s=given.clock_failed_s,
        disk_free=given.disk_free,
        disk_degraded_s=given.disk_degraded_s,
        disk_failed_s=given.disk_failed_s,
        memory_degraded=given.memory_degraded,
        memory_failed=given.memory_failed,
        swap_degraded=given.swap_degraded,
        swap_failed=given.swap_failed,
        link_bytes_s=given.link_speed,
        link_round_trip_s=given.link_round_trip_s,
    )


def health_pace_of(settings: Settings) -> Pace:
    given = settings.health
    return Pace(
        fresh_s=given.fresh_s,
        first_s=given.recheck_first_s,
        most_s=given.recheck_most_s,
        failures=given.failures,
        window_s=given.failures_window_s,
    )


def price_book_of(settings: Settings) -> PriceBook:
    """The prices as the ledger reads them."""
    given = settings.prices
    default = Price(given.cpu_hour or 0.0, given.gpu_hour or 0.0, given.memory_gb_hour or 0.0)
    types = {
        name: replace(default, **price.model_dump(exclude_none=True)) for name, price in given.types.items()
    }
    return PriceBook(given.currency, default, types, given.carbon_g_per_kwh)


def budgets_of(settings: Settings) -> dict[str, Budget]:
    """The workspaces' budgets as the ledger reads them."""
    return {
        name: Budget(given.monthly, given.warn_at, given.stop, given.running == "save_and_wait")
        for name, given in settings.budgets.items()
    }


def ledger_of(services: Services) -> Ledger:
    store, settings = SqlLedgerStore(services.database), services.settings
    return Ledger(store, price_book_of(settings), budgets_of(settings), services.jobs.get, utc_now)


def objectives_of(settings: Settings) -> Objectives:
    """What is promised, to all and to single workspaces."""
    given = settings.sla
    default = {name: getattr(given, name) for name in ObjectiveSettings.model_fields}
    own = {
        name: parse_objectives({**default, **one.model_dump(exclude_unset=True)})
        for name, one in given.workspaces.items()
    }
    return Objectives(parse_objectives(default), own)


def service_levels_of(settings: Settings, database: Database) -> ServiceLevels:
    return ServiceLevels(SqlJobFigures(database), SqlMeasurements(database), objectives_of(settings), utc_now)


def quotas_of(settings: Settings) -> dict[str, QuotaLimits]:
    """The workspaces' quotas, as far as the settings have them."""
    return {name: QuotaLimits(**quota.model_dump()) for name, quota in settings.quotas.items()}


def running_quotas_of(settings: Settings) -> dict[str, Quota]:
    """The same as the scheduler reads them."""
    return {name: limits.running for name, limits in quotas_of(settings).items()}


class FleetInputs:
    """`jobs.service.Inputs` over the datasets, the code store, the catalogue and the fleet as it is."""

    def __init__(
        self,
        datasets: DatasetService,
        blobs: BlobStore,
        workers: SqlWorkerStore,
        grows: Limits | None = None,
        secrets: SqlSecretStore | None = None,
    ) -> None:
        """`grows`: how far the fleet may grow by itself, where it does."""
        self._grows = grows
        self._secrets = secrets
        self._datasets = datasets
        self._blobs = blobs
        self._workers = workers

    def dataset(self, reference: str, workspace: str) -> dict[str, Any]:
        version = self._datasets.resolve(reference, workspace)
        return {
            "name": version.name,
            "version": version.version,
            "digest": version.digest,
            "format": version.format,
            "columns": [column.to_dict() for column in version.columns],
            "target": version.target,
            "rows": version.rows,
            "bytes": version.bytes,
        }

    def code(self, digest: str) -> dict[str, Any]:
        if self._blobs.find(digest) is None:
            raise NotFound(
                f"no code with digest {digest[:16]}... was uploaded; the SDK and the command line upload it on submit"
            )
        return {"digest": digest}

    def check_algorithm(self, spec: JobSpec) -> Sequence[FieldError]:
        missing = _missing_for(spec)
        if spec.algorithm is None or missing:
            return missing
        errors = registry.validate(
            spec.algorithm, spec.hyperparameters, spec.resources.workers, spec.evaluation.folds
        )
        if known := registry.ALGORITHMS.get(spec.algorithm):
            errors += check_formats(known, list(spec.model.formats))
        return errors or _population_errors(spec, spec.algorithm) or _space_errors(spec, spec.algorithm)

    def most_accumulation(self, spec: JobSpec) -> int:
        if spec.algorithm is None or not registry.ALGORITHMS[spec.algorithm].accumulates:
            return 1
        params = registry.ALGORITHMS[spec.algorithm].params(**spec.hyperparameters)
        return min(MOST_ACCUMULATION, int(getattr(params, "batch_size", 1)))

    def check_capacity(self, spec: JobSpec) -> Sequence[FieldError]:
        """Against all workers that are up, were they empty.  Before the first one has joined nothing is impossible.

        One that fell silent a moment ago may be back in the next: it still counts.
        """
        recently = utc_now() - timedelta(seconds=STILL_COUNTS_S)
        known = self._workers.all()
        if not any(worker.state is WorkerState.ONLINE for worker in known):
            return []
        counted = [
            worker
            for worker in known
            if worker.state is WorkerState.ONLINE
            or (worker.state is WorkerState.LOST and worker.seen_at > recently)
        ]
        return capacity_errors(spec, counted, self._grows)

    def check_secrets(self, spec: JobSpec) -> Sequence[FieldError]:
        if self._secrets is None:
            return []
        found = missing(self._secrets, spec.workspace, spec.secrets.values())
        return [
            FieldError(f"secrets.{variable}", found[secret], "not_found")
            for variable, secret in spec.secrets.items()
            if secret in found
        ]


def _missing_for(spec: JobSpec) -> list[FieldError]:
    """What a study needs and this installation does not have."""
    needed = [] if spec.tune is None else ["optuna", *EXTRAS_OF_SAMPLERS.get(spec.tune.sampler, ())]
    missing = [module for module in needed if find_spec(module) is None]
    if not missing:
        return []
    extra = "torch" if missing == ["torch"] else "tune"
    message = f"needs {missing[0]}, which is not installed here: pip install 'tensorfleet[{extra}]'"
    return [FieldError("tune.sampler" if missing[0] != "optuna" else "tune", message, "not_installed")]


def _space_errors(spec: JobSpec, algorithm: str) -> Sequence[FieldError]:
    """What of a study's search space the algorithm would refuse."""
    if spec.tune is None:
        return []
    check = partial(registry.validate_hyperparameters, algorithm)
    return space_errors(parse_space(spec.tune.space), spec.hyperparameters, check)


def _population_errors(spec: JobSpec, algorithm: str) -> list[FieldError]:
    """Why a built-in cannot train as a population over this space."""
    if spec.tune is None or spec.tune.population is None:
        return []
    changeable = registry.ALGORITHMS[algorithm].changeable
    if not changeable:
        able = ", ".join(name for name, one in registry.ALGORITHMS.items() if one.changeable)
        message = f"pbt trains on from checkpoints, epoch by epoch, which {algorithm} cannot; use one of {able}, or own code"
        return [FieldError("tune.sampler", message, "no_population")]
    if "epochs" in spec.hyperparameters:
        steps = spec.tune.population.steps
        message = f"are generations x perturbation_interval in a population, {steps}; leave epochs out"
        return [FieldError("hyperparameters.epochs", message, "no_population")]
    known = registry.ALGORITHMS[algorithm].params.model_fields
    own = ", ".join(name for name in changeable if name in known)
    message = f"cannot change in the middle of a training, as pbt does it; {algorithm} can change {own}"
    errors = [
        FieldError(f"tune.space.{name}", message, "no_population")
        for name in spec.tune.space
        if name in known and name not in changeable
    ]
    if "dropout" in spec.tune.space and 0 in parse_space(spec.tune.space)["dropout"].examples():
        message = "may be 0, and a network without dropout has other layers; let it begin above 0"
        errors.append(FieldError("tune.space.dropout", message, "no_population"))
    return errors


def capacity_errors(
    spec: JobSpec, workers: Sequence[Worker], grows: Limits | None = None
) -> list[FieldError]:
    resources = spec.resources.model_dump()
    views = take_snapshot(utc_now(), (), workers, ()).workers
    possible = capacity(demand_of(resources), views)
    if grows is not None:
        launched = {worker.id for worker in workers if worker.resources.get("type")}
        others = [view for view in views if view.id not in launched]
        possible = max(possible, largest_fleet(grows, others).ever(demand_of(resources)))
    needed = spec.resources.min_workers or spec.resources.workers
    if possible >= needed:
        return []
    if possible == 0:
        biggest = max(views, key=lambda view: (view.gpus, view.memory_bytes, view.cpus))
        has = f"{biggest.cpus:g} CPUs, {biggest.gpus:g} GPUs, {biggest.memory_bytes / 1024**3:.1f} GiB"
        return [
            FieldError(
                "resources",
                f"no worker of the fleet is large enough for one worker of this job; the largest has {has}",
                "impossible",
            )
        ]
    message = f"{needed} workers at once are more than this fleet can ever have; ask for {possible}, or start it with more"
    return [FieldError("resources.workers", message, "impossible")]
