"""How jobs, queue and fleet stand, read from the database when it is scraped; absent while that is away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tensorfleet.composition import Services
from tensorfleet.errors import TensorFleetError
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.jobs.model import JobStatus
from tensorfleet.jobs.overview import SqlOverview
from tensorfleet.kit.clock import Clock, utc_now

_OF_WORKERS = {
    "slots": "Slots of each worker.",
    "busy_slots": "Slots in use.",
    "cpu_percent": "CPU in use, 0 to 100.",
    "memory_used_bytes": "Memory in use.",
    "memory_bytes": "Memory of its machine.",
    "disk_free_bytes": "Free disk where it works.",
    "low_disk": "1 while its disk is so full that it takes no tasks.",
    "quarantined": "1 while its machine is not well, and it gets nothing new.",
    "gpus": "GPUs that it has.",
    "gpu_percent": "How busy its GPUs are, on average.",
}


class FleetCollector(Collector):
    def __init__(self, services: Services, clock: Clock = utc_now) -> None:
        self._services = services
        self._overview = SqlOverview(services.database)
        self._clock = clock
        self.away = False
        """While it is, the database is not asked: a scrape has to come to its end."""

    def collect(self) -> Iterator[Metric]:
        if self.away:
            return
        try:
            yield from [*self._of_jobs(), *self._of_workers()]
        except TensorFleetError:
            return  # what the parts of the platform are tells that the database is away

    def _of_jobs(self) -> Iterator[Metric]:
        counts = self._services.job_store.counts()
        jobs = GaugeMetricFamily("tensorfleet_jobs", "Jobs by status.", labels=["status"])
        for status in JobStatus:
            jobs.add_metric([status.value], counts.get(status.value, 0))
        yield jobs
        now = self._clock()
        queue = self._overview.queue(now)
        age_s = (now - queue.oldest_at).total_seconds() if queue.oldest_at is not None else 0.0
        for name, about, value in (
            ("queue_jobs", "Jobs that could start now and wait for workers.", queue.waiting),
            ("queue_oldest_seconds", "How long the one has waited that waits longest.", max(0.0, age_s)),
            ("training_rows_per_second", "Of all running jobs.", self._overview.rows_per_second()),
        ):
            yield GaugeMetricFamily(f"tensorfleet_{name}", about, value=value)
        lost = self._overview.workers_lost()
        yield CounterMetricFamily("tensorfleet_workers_lost", "Workers that fell silent.", value=lost)

    def _of_workers(self) -> Iterator[Metric]:
        workers = self._services.workers.all()
        running = self._services.workers.running()
        states = GaugeMetricFamily("tensorfleet_workers", "Workers by state.", labels=["state"])
        for state in WorkerState:
            states.add_metric([state.value], sum(worker.condition is state for worker in workers))
        yield states
        here = [worker for worker in workers if worker.state is not WorkerState.LOST]
        shown = {worker.id: _figures(worker, running.get(worker.id, ())) for worker in here}
        for name, about in _OF_WORKERS.items():
            family = GaugeMetricFamily(f"tensorfleet_worker_{name}", about, labels=["worker", "state"])
            for worker in here:
                if shown[worker.id].get(name) is not None:
                    family.add_metric([worker.id, worker.condition.value], shown[worker.id][name])
            yield family


def _figures(worker: Worker, running: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    gpus = worker.stats.get("gpus") or []
    return {
        "slots": worker.slots,
        "busy_slots": len(running),
        "cpu_percent": worker.stats.get("cpu_percent"),
        "memory_used_bytes": worker.stats.get("memory_used_bytes"),
        "memory_bytes": worker.resources.get("memory_bytes"),
        "disk_free_bytes": worker.stats.get("disk_free_bytes"),
        "low_disk": float(bool(worker.stats.get("low_disk"))),
        "quarantined": float(worker.quarantine is not None),
        "gpus": len(worker.resources.get("gpus") or []),
        "gpu_percent": sum(gpu["utilisation_percent"] for gpu in gpus) / len(gpus) if gpus else None,
    }
