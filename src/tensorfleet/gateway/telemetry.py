"""`/metrics` for Prometheus: what the gateway did, how the parts of the platform are, how queue and fleet stand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, get_args

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tensorfleet import __version__
from tensorfleet.composition import Services, service_levels_of
from tensorfleet.gateway.fleet_metrics import FleetCollector
from tensorfleet.gateway.parts import Part, Status
from tensorfleet.gateway.slo_metrics import SloCollector
from tensorfleet.kit.exposition import new_registry

API = "/api/v1"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def route_of(scope: Any) -> str:
    """The route's pattern, not the path: ids would make a series each."""
    pattern = str(getattr(scope.get("route"), "path", "none"))
    inner = scope["path"].startswith(API) and not pattern.startswith(API) and pattern != "none"
    return API + pattern if inner else pattern  # a router's own routes do not know where they were put


class PartsCollector(Collector):
    """How each part of the platform was when it was last asked."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "tensorfleet_part_status", "1 for the status that a part has.", labels=["part", "status"]
        )
        for name, part in self.parts.items():
            for status in get_args(Status):
                family.add_metric([name, status], float(part.status == status))
        yield family
        behind = self.parts["tracking"].facts.get("behind") if "tracking" in self.parts else None
        if behind is not None:
            about = "Log entries that MLflow does not have yet."
            yield GaugeMetricFamily("tensorfleet_tracking_behind", about, value=behind)


class Telemetry:
    """Counts requests by route, and serves everything at `/metrics`."""

    def __init__(self, services: Services) -> None:
        self.registry = new_registry("gateway", __version__)
        self._fleet = FleetCollector(services)
        self.registry.register(self._fleet)
        self._parts = PartsCollector()
        self.registry.register(self._parts)
        self.check: Callable[[], Awaitable[dict[str, Part]]] | None = None
        """Asks all parts of the platform how they are; there once the event loop runs."""
        self._slo = SloCollector(service_levels_of(services.settings, services.database).burning)
        self.registry.register(self._slo)
        self.answered: Callable[[str, str, int, float], object] = lambda *_: None
        """Told of each answer: method, route, status, seconds."""
        labels = ("method", "route", "status")
        self._requests = Counter(
            "tensorfleet_http_requests", "Requests answered.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "tensorfleet_http_request_seconds", "Time to the first byte, by the status's first digit.", ("route", "status"),
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip

    def router(self) -> APIRouter:
        router = APIRouter(tags=["health"])

        @router.get("/metrics", name="read_metrics", response_class=PlainTextResponse)
        async def metrics() -> Response:
            """What the platform counts and measures, for Prometheus."""
            if self.check is not None:
                self._parts.parts = await self.check()
                self._fleet.away = self._slo.away = self._parts.parts["database"].status != "ok"
            text = await asyncio.to_thread(generate_latest, self.registry)
            return Response(text, media_type=CONTENT_TYPE_LATEST)

        return router

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One more answer, which took so long to its first byte."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route, f"{status // 100}xx").observe(seconds)
        self.answered(method, route, status, seconds)

    def counting(self, app: Asgi) -> Asgi:
        """The same application, counted."""

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begin = time.perf_counter()

            async def noted(message: Any) -> None:
                if message["type"] == "http.response.start":
                    method = scope["method"] if scope["method"] in METHODS else "other"
                    self.count(method, route_of(scope), message["status"], time.perf_counter() - begin)
                await send(message)

            await app(scope, receive, noted)

        return counted
