"""The wiring that several process rooms share: stores and use cases over one set of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.datasets.inspection import Inspector
from tensorfleet.datasets.service import DatasetService
from tensorfleet.datasets.store import SqlDatasetStore
from tensorfleet.errors import FieldError, NotFound
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.fleet.snapshot import demand_of, take_snapshot
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.schemas import JobSpec
from tensorfleet.jobs.service import JobService
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.kit.clock import utc_now
from tensorfleet.objects.blobs import BlobStore
from tensorfleet.objects.ports import ObjectStore
from tensorfleet.scheduling.placement import capacity
from tensorfleet.settings import Settings
from tensorfleet.training import registry


@dataclass(frozen=True)
class Services:
    """Everything that a room of the control plane may compose."""

    settings: Settings
    database: Database
    log: SqlEventLog
    job_store: SqlJobStore
    jobs: JobService
    workers: SqlWorkerStore
    objects: ObjectStore
    blobs: BlobStore
    datasets: DatasetService


def build_services(settings: Settings, wake: Callable[[], None]) -> Services:
    """`wake` is called after something was left for the orchestrator to do."""
    database = Database(settings.database)
    log = SqlEventLog(database)
    job_store = SqlJobStore(database)
    workers = SqlWorkerStore(database)
    objects = open_object_store(settings.objects)
    blobs = BlobStore(objects)
    work_dir = Path(settings.home) / "work"
    work_dir.mkdir(parents=True, exist_ok=True)
    datasets = DatasetService(
        SqlDatasetStore(database),
        blobs,
        work_dir,
        inspector=Inspector(settings.objects),
        max_upload_bytes=settings.max_upload_bytes,
    )
    jobs = JobService(job_store, log, FleetInputs(datasets, blobs, workers), utc_now, wake)
    return Services(settings, database, log, job_store, jobs, workers, objects, blobs, datasets)


class FleetInputs:
    """`jobs.service.Inputs` over the datasets, the code store, the catalogue and the fleet as it is."""

    def __init__(self, datasets: DatasetService, blobs: BlobStore, workers: SqlWorkerStore) -> None:
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
        if spec.algorithm is None:
            return []
        return registry.validate(spec.algorithm, spec.hyperparameters, spec.resources.workers)

    def check_capacity(self, spec: JobSpec) -> Sequence[FieldError]:
        """Against all workers that are up, were they empty.  Before the first one has joined nothing is impossible."""
        up = [worker for worker in self._workers.all() if worker.state is WorkerState.ONLINE]
        if not up:
            return []
        return capacity_errors(spec, up)


def capacity_errors(spec: JobSpec, workers: Sequence[Worker]) -> list[FieldError]:
    resources = spec.resources.model_dump()
    views = take_snapshot(utc_now(), (), workers, ()).workers
    possible = capacity(demand_of(resources), views)
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
