"""`/metrics` of a process that has no API, for whoever brings the token, and how it is: a thread of its own."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, make_wsgi_app

log = structlog.get_logger(__name__)
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def new_registry(role: str, version: str) -> CollectorRegistry:
    """With what every process says of itself: its role and version, CPU time, memory, open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    info = Gauge("tensorfleet_info", "Role and version; always 1.", ("role", "version"), registry=registry)
    info.labels(role, version).set(1)
    return registry


class _Handler(WSGIRequestHandler):
    timeout = 10  # one request at a time is served: nobody may hold the line

    def log_message(self, *_: Any) -> None:
        pass


class MetricsServer:
    """Serves one registry until `close()`; without an address, or where it is taken, it serves nothing.

    A role does its work whether or not anybody can watch.

    Args:
        checks: by path, what is asked without the token and answered with 200 or 503: `/health/live`, which is 200
            if nothing else is said, and what else the role has.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        address: str,
        token: str,
        checks: Mapping[str, Callable[[], bool]] | None = None,
    ) -> None:
        self._server: WSGIServer | None = None
        host, _, port = address.rpartition(":")
        app = probed(
            guarded(make_wsgi_app(registry), token), {"/health/live": lambda: True} | dict(checks or {})
        )
        try:
            self._server = make_server(host.strip("[]"), int(port), app, WSGIServer, _Handler)
        except OSError as error:
            log.warning("metrics cannot be shown", address=address, problem=str(error))
            return
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port) if self._server is not None else 0

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None


def probed(app: Wsgi, checks: Mapping[str, Callable[[], bool]]) -> Wsgi:
    """The same application, and checks that anybody may ask for: what starts and stops containers has no token."""

    def asked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        check = checks.get(str(environ.get("PATH_INFO")))
        if check is None:
            return app(environ, start_response)
        well = check()
        start_response(
            "200 OK" if well else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")]
        )
        return [b"ok\n" if well else b"no\n"]

    return asked


def guarded(app: Wsgi, token: str) -> Wsgi:
    """The same application for those who bring the token."""
    expected = f"Bearer {token}".encode()

    def asked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = str(environ.get("HTTP_AUTHORIZATION", "")).encode("utf-8", "replace")
        if hmac.compare_digest(given, expected):
            return app(environ, start_response)
        start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
        return [b"send the token of this TensorFleet as 'Authorization: Bearer TOKEN'\n"]

    return asked
