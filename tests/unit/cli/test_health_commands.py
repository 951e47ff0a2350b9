"""`tensorfleet workers check`, `quarantine` and `release`, and what `show` says of a machine."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.unit.cli.conftest import Run

from tensorfleet.cli import health
from tensorfleet.testing.gateway import FakeGateway

AT = "2026-03-04T05:06:07.000000Z"
WELL: dict[str, Any] = {
    "machine": "north-1", "status": "ok", "checked_at": AT, "quarantine": None, "skipped": ["gpus: no GPU"],
    "findings": [{"check": "clock", "status": "ok", "sentence": "its clock is 0.001 s ahead"}],
}  # fmt: skip
FAILED: dict[str, Any] = {
    **WELL, "status": "failed", "checked_at": "2026-03-04T05:07:07.000000Z",
    "findings": [{"check": "disk", "status": "failed", "sentence": "nothing can be written"}],
    "quarantine": {"since": AT, "by": "check", "reason": "nothing can be written", "next_check_at": AT},
}  # fmt: skip


class Asked:
    def __init__(self, gateway: FakeGateway) -> None:
        self.after: dict[str, Any] = WELL
        self.worker: dict[str, Any] = {
            "worker_id": "w-1", "name": "north", "state": "online", "slots": 2, "busy": 0, "health": None,
        }  # fmt: skip
        gateway.workers.append(self.worker)
        self.said: list[tuple[str, Any]] = []
        self._before = gateway.handle
        gateway.handle = self.handle  # type: ignore[method-assign]

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.partition("/workers/w-1")
        if not path[1]:
            return self._before(request)
        if request.method == "POST":
            verb = path[2].lstrip("/")
            self.said.append((verb, json.loads(request.content or b"null")))
            answer = dict(self.worker)
            if verb == "check":
                self.worker["health"] = self.after
            return httpx.Response(202, json=answer)
        return httpx.Response(200, json=self.worker)


@pytest.fixture
def asked(gateway: FakeGateway) -> Asked:
    return Asked(gateway)


def test_a_look_at_a_machine(run: Run, asked: Asked) -> None:
    assert "not looked at yet" in run("workers", "show", "north").stdout
    shown = run("workers", "check", "north")
    assert shown.exit_code == 0
    for words in ("clock", "ok: its clock is 0.001 s ahead", "gpus", "skipped: no GPU"):
        assert words in shown.stdout
    asked.after = FAILED
    failed = run("workers", "check", "w-1")
    assert failed.exit_code == 1
    for words in ("quarantine", "by a check: nothing can be written", "looked at again"):
        assert words in failed.stdout
    assert "failed" in run("workers", "list").stdout
    asked.after = {**WELL, "checked_at": "2026-03-04T06:00:00.000000Z"}
    assert json.loads(run("workers", "check", "w-1", "--json").stdout)["health"]["status"] == "ok"


def test_nobody_looks(run: Run, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LIMIT_S", 0.0)
    found = run("workers", "check", "north")
    assert found.exit_code == 1
    assert "was not looked at within 0 s; is the orchestrator running?" in found.stderr


def test_into_quarantine_and_out_of_it(run: Run, asked: Asked) -> None:
    held = run("workers", "quarantine", "north", "--reason", "its fan is loud")
    assert "w-1 (north) is in quarantine until" in held.stdout
    assert run("workers", "quarantine", "north").exit_code == 0
    assert "takes tasks again" in run("workers", "release", "north").stdout
    assert asked.said == [
        ("quarantine", {"reason": "its fan is loud"}),
        ("quarantine", {}),
        ("release", None),
    ]
    for verb in ("quarantine", "release"):
        assert json.loads(run("workers", verb, "north", "--json").stdout)["worker_id"] == "w-1"
    assert run("workers", "release", "nobody").exit_code == 1
