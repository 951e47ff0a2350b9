from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import make_wsgi_app

from tensorfleet.kit.exposition import guarded, new_registry, probed


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


@pytest.mark.parametrize(("path", "well", "expected"), [("/live", True, "200"), ("/live", False, "503")])
def test_anybody_may_ask_how_it_is(path: str, well: bool, expected: str) -> None:
    seen: list[str] = []
    app = probed(guarded(make_wsgi_app(new_registry("agent", "1")), "secret"), {"/live": lambda: well})
    b"".join(app({"PATH_INFO": path}, lambda status, headers: seen.append(status)))
    b"".join(app({"PATH_INFO": f"{path}/x"}, lambda status, headers: seen.append(status)))
    assert [status[:3] for status in seen] == [expected, "401"]
