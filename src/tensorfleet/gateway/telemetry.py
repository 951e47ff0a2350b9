"""`/metrics` for Prometheus: what the gateway did, and how the queue and the fleet stand."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from tensorfleet.composition import Services
from tensorfleet.jobs.model import JobStatus

API = "/api/v1"
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def _route(scope: Any) -> str:
    """The route's pattern, not the path: ids would make a series each."""
    pattern = str(getattr(scope.get("route"), "path", "none"))
    inner = scope["path"].startswith(API) and not pattern.startswith(API) and pattern != "none"
    return API + pattern if inner else pattern  # a router's own routes do not know where they were put


class FleetCollector:
    """Gauges read from the database when they are scraped."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        counts = self._services.job_store.counts()
        jobs = GaugeMetricFamily("tensorfleet_jobs", "Jobs by status.", labels=["status"])
        for status in JobStatus:
            jobs.add_metric([status.value], counts.get(status.value, 0))
        yield jobs
        running = self._services.workers.running()
        slots = GaugeMetricFamily(
            "tensorfleet_worker_slots", "Slots of each worker.", labels=["worker", "state"]
        )
        busy = GaugeMetricFamily("tensorfleet_worker_busy_slots", "Slots in use.", labels=["worker", "state"])
        cpu = GaugeMetricFamily(
            "tensorfleet_worker_cpu_percent", "CPU in use, 0 to 100.", labels=["worker", "state"]
        )
        memory = GaugeMetricFamily(
            "tensorfleet_worker_memory_used_bytes", "Memory in use.", labels=["worker", "state"]
        )
        for worker in self._services.workers.all():
            labels = [worker.id, worker.state.value]
            slots.add_metric(labels, worker.slots)
            busy.add_metric(labels, len(running.get(worker.id, [])))
            cpu.add_metric(labels, worker.stats.get("cpu_percent", 0.0))
            memory.add_metric(labels, worker.stats.get("memory_used_bytes", 0))
        yield from (slots, busy, cpu, memory)


class Telemetry:
    """Counts requests by route, and serves everything at `/metrics`."""

    def __init__(self, services: Services) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(FleetCollector(services))
        labels = ("method", "route", "status")
        self._requests = Counter(
            "tensorfleet_http_requests", "Requests answered.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "tensorfleet_http_request_seconds", "Time to the first byte.", ("route",), registry=self.registry
        )

    def router(self) -> APIRouter:
        router = APIRouter(tags=["health"])

        @router.get("/metrics")
        async def metrics() -> Response:
            return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)

        return router

    def counting(self, app: Asgi) -> Asgi:
        """The same application, counted."""

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begin = time.perf_counter()

            async def noted(message: Any) -> None:
                if message["type"] == "http.response.start":
                    route = _route(scope)
                    self._requests.labels(scope["method"], route, message["status"]).inc()
                    self._seconds.labels(route).observe(time.perf_counter() - begin)
                await send(message)

            await app(scope, receive, noted)

        return counted
