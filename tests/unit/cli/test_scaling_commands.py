"""`tensorfleet workers scaling` and `target`."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.unit.cli.conftest import Run

from tensorfleet.testing.gateway import FakeGateway

SIGNAL = {"load": 0.5, "queue": 2, "workers": 2, "desired": 3}
STATE: dict[str, Any] = {
    "at": "2026-03-04T05:06:07.000000Z",
    "reason": "2 jobs wait, more than 0: 2 workers become 3",
    "target": {"default": 2, "not launched": 1, "gpu": 0},
    "signal": SIGNAL,
    "held": None,
    "notes": ["job j-9 is not grown for: none of the types default holds one worker of it"],
}


@pytest.fixture
def answer(gateway: FakeGateway) -> dict[str, Any]:
    decision = {"at": STATE["at"], "action": "grow", "signal": SIGNAL, "reason": STATE["reason"]}
    found = {"enabled": True, "settings": {"min": 1, "max": 5}, "state": STATE, "decisions": [decision]}
    before = gateway.handle

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/fleet/scaling"):
            return httpx.Response(200, json=found)
        if request.url.path.endswith("/fleet/target"):
            return httpx.Response(202, json=json.loads(request.content))
        return before(request)

    gateway.handle = handle  # type: ignore[method-assign]
    return found


def test_scaling(run: Run, answer: dict[str, Any]) -> None:
    shown = run("workers", "scaling").stdout
    for words in ("3 workers (2 default, 1 not launched)", "2, of 1 to 5", "2 jobs", "not grown for", "grow"):
        assert words in shown
    answer["state"] = {**STATE, "held": 3}
    assert "set by hand" in run("workers", "scaling").stdout
    answer["state"] = None
    assert "Nobody has looked" in run("workers", "scaling").stdout
    answer["enabled"] = False
    assert "Autoscaling is off" in run("workers", "scaling").stdout
    assert json.loads(run("workers", "scaling", "--json").stdout)["enabled"] is False


def test_target(run: Run, answer: dict[str, Any]) -> None:
    assert "is to have 3 workers" in run("workers", "target", "3").stdout
    assert run("workers", "target", "auto").stdout == "the fleet goes by load and queue\n"
    assert json.loads(run("workers", "target", "auto", "--json").stdout) == {"workers": None}
    wrong = run("workers", "target", "many")
    assert wrong.exit_code == 2
    assert "neither a number of workers nor auto" in wrong.stderr
