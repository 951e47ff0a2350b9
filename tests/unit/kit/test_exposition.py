from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import make_wsgi_app

from tensorfleet.kit.exposition import guarded, new_registry


def asked(header: str | None) -> tuple[str, bytes]:
    seen: list[str] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": ""}
    if header is not None:
        environ["HTTP_AUTHORIZATION"] = header
    app = guarded(make_wsgi_app(new_registry("agent", "1.2.3")), "secret")
    body = b"".join(app(environ, lambda status, headers: seen.append(status)))
    return seen[0], body


def test_whoever_brings_the_token_gets_the_metrics() -> None:
    status, body = asked("Bearer secret")

    assert status == "200 OK"
    assert b'tensorfleet_info{role="agent",version="1.2.3"} 1.0' in body
    assert b"process_resident_memory_bytes" in body


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "secret", "Bearer sécret", "Bearer \udc80"]
)
def test_nobody_else_gets_anything(header: str | None) -> None:
    status, body = asked(header)

    assert status.startswith("401")
    assert b"tensorfleet_" not in body
