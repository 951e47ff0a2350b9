"""What Tab offers, as the shell asks for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import httpx
import pytest
from typer.testing import CliRunner

from tensorfleet.cli import completing
from tensorfleet.cli.main import app
from tensorfleet.testing.gateway import AT, FakeGateway

Run = Callable[..., object]


def offered(line: str) -> list[str]:
    words = line.split(" ")
    env = {"_TENSORFLEET_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    result = CliRunner().invoke(app, prog_name="tensorfleet", env={**os.environ, **env})
    assert result.stderr == ""
    return result.stdout.split()


@pytest.fixture
def jobs(run: Run, gateway: FakeGateway) -> None:
    for name in ("wine", "wine-deep", "digits", "wine"):
        gateway.add_job(name=name)


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tensorfleet jobs show wi", ["wine", "wine-deep"]),
        ("tensorfleet jobs show j-000000000000000", [f"j-{n:016d}" for n in range(1, 5)]),
        ("tensorfleet jobs diff wine dig", ["digits"]),
        ("tensorfleet jobs show nothing", []),
        ("tensorfleet jobs eve", ["events"]),
    ],
)
def test_jobs(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_aliases_of_a_model(run: Run, gateway: FakeGateway) -> None:
    item = {
        "name": "wine",
        "latest_version": 2,
        "aliases": {"production": 1, "candidate": 2},
        "updated_at": AT,
    }
    gateway.faults.append(
        lambda request: (
            httpx.Response(200, json={"items": [item], "next_cursor": None})
            if request.url.path.endswith("/models")
            else None
        )
    )
    assert offered("tensorfleet models show w") == ["wine"]
    assert offered("tensorfleet models show wine@") == ["wine@candidate", "wine@production"]
    assert offered("tensorfleet models show beer@") == []


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("fault", [httpx.ConnectError("refused"), 403, 500])
def test_a_platform_that_does_not_answer_offers_nothing(gateway: FakeGateway, fault: int | Exception) -> None:
    gateway.fault("GET", "/jobs", fault, times=100)
    assert offered("tensorfleet jobs show wi") == []


@pytest.mark.usefixtures("jobs")
def test_a_slow_platform_is_not_waited_for(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "LIMIT_S", 0.05)
    gateway.faults.append(lambda request: time.sleep(20))
    began = time.monotonic()
    assert offered("tensorfleet jobs show wi") == []
    assert time.monotonic() - began < 5
