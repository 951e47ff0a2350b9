"""A span for each request, in the trace of whoever sent it; what the request begins goes on in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tensorfleet.gateway.telemetry import route_of
from tensorfleet.kit import tracing

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_QUIET = ("/metrics", "/health", "/health/live", "/health/ready")


def traced(app: Asgi) -> Asgi:
    """The same application, or itself where spans go nowhere."""
    if not tracing.enabled():
        return app

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await app(scope, receive, send)
            return
        parent = dict(scope["headers"]).get(b"traceparent", b"").decode("ascii", "replace") or None
        about = {"service": "tensorfleet-gateway", "kind": "server"}
        with tracing.spanning(scope["method"], parent, **about) as attributes:
            attributes |= {"http.request.method": scope["method"], "url.path": scope["path"]}

            async def noted(message: Any) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    attributes["http.response.status_code"] = status
                    if scope.get("route") is not None:
                        route = route_of(scope)
                        attributes.update({"http.route": route, "name": f"{scope['method']} {route}"})
                    if status >= 500:
                        attributes["failed"] = str(status)
                await send(message)

            await app(scope, receive, noted)

    return answered
