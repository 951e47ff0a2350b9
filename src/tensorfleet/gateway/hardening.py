"""What every answer carries, and which requests are not even looked at: headers, host names, other origins.

Plain ASGI in front of everything, authentication too.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.middleware.cors import CORSMiddleware

from tensorfleet.gateway.problems import problem
from tensorfleet.gateway.telemetry import METHODS
from tensorfleet.settings_protection import WebSettings

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Header = tuple[bytes, bytes]
_PAGE = (
    b"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    b"font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    b"form-action 'self'; frame-ancestors 'none'"
)
_NO_PAGE = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()",
    ),
)
YEAR_S = 365 * 86400
_ASKED_BY_ADDRESS = ("/health", "/health/live", "/health/ready", "/metrics")
"""Probes and scrapes come to whatever address a container has."""
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")


def hardened(app: Asgi, settings: WebSettings, https_for_s: int = YEAR_S) -> Asgi:
    """The same application behind all of what is in this file.

    Args:
        https_for_s: how long browsers that came by HTTPS are to use nothing else.
    """
    return with_headers(for_hosts(with_origins(app, settings), settings.hosts), https_for_s)


def with_headers(app: Asgi, https_for_s: int = YEAR_S) -> Asgi:
    """Headers that tell browsers what they may do with an answer; one that the answer has already stays as it is."""
    over_tls = ((b"strict-transport-security", b"max-age=%d" % https_for_s),) if https_for_s else ()

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                message["headers"] = given + [
                    one for one in _headers_of(scope, names, over_tls) if one[0] not in names
                ]
            await send(message)

        await app(scope, receive, told)

    return answered


def _headers_of(scope: Any, names: set[bytes], over_tls: tuple[Header, ...]) -> tuple[Header, ...]:
    path = scope["path"]
    found = _ALWAYS if scope["scheme"] != "https" else _ALWAYS + over_tls
    if not path.startswith(("/api/", "/health", "/metrics")):
        return (*found, (b"content-security-policy", _PAGE))
    if path.startswith("/api/v1/"):
        # What it says is for whoever has asked; what can be told from what was before by its tag may be kept and asked about.
        found = (*found, (b"cache-control", b"private, no-cache" if b"etag" in names else b"no-store"))
    return (*found, (b"content-security-policy", _NO_PAGE))


def policy_of(page: bytes) -> str:
    """The policy for a page of ours with scripts in its text: these, and no others."""
    hashes = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in _INLINE.findall(page)]
    allowed = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in hashes)])
    return _PAGE.decode().replace("script-src 'self'", f"script-src {allowed}")


def for_hosts(app: Asgi, hosts: Sequence[str]) -> Asgi:
    """Refuses requests to another name than one of `hosts` (none: to what cannot be a name)."""
    exact = {host.encode() for host in (*hosts, *_LOOPBACK) if not host.startswith("*.")}
    below = tuple(host[1:].encode() for host in hosts if host.startswith("*."))

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = [value for name, value in scope["headers"] if name == b"host"]
            if wrong := _wrong_host(given, scope["http_version"]):
                await problem(400, "host_invalid", "Not a host", wrong)(scope, receive, send)
                return
            if hosts and scope["path"] not in _ASKED_BY_ADDRESS:
                name = _name_of(given[0]) if given else b""
                if name not in exact and not name.endswith(below):
                    detail = f"this gateway is not '{name.decode()[:200]}'; its names are in web.hosts of tensorfleet.yaml"
                    await problem(421, "host_unknown", "Not this host", detail)(scope, receive, send)
                    return
        await app(scope, receive, send)

    return answered


def _wrong_host(given: Sequence[bytes], version: str) -> str | None:
    if len(given) > 1:
        return "a request has one Host header"
    if not given:
        return None if version == "1.0" else "a request has a Host header"
    return None if _HOST.fullmatch(given[0]) else "the Host header holds no host name"


def _name_of(host: bytes) -> bytes:
    found = _HOST.fullmatch(host)
    return found[1].lower().rstrip(b".") if found else b""


def with_origins(app: Asgi, settings: WebSettings) -> Asgi:
    """Lets pages of other origins ask, where the settings name them."""
    if not settings.origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=settings.origins,
        allow_credentials=settings.credentials,
        allow_methods=METHODS,
        allow_headers=(
            "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range", "Last-Event-ID", "Range",
            "traceparent", "X-Content-SHA256", "X-CSRF-Token",
        ),
        expose_headers=(
            "Content-Disposition", "Content-Range", "ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After",
        ),
        max_age=600,
    )  # fmt: skip
