from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tensorfleet.cli import session
from tensorfleet.cli.main import app
from tensorfleet.sdk.client import Client
from tensorfleet.testing.gateway import FakeGateway

Run = Callable[..., Result]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def run(gateway: FakeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command against the in-memory gateway, with its output in a pipe."""
    monkeypatch.setattr(
        session,
        "connect",
        lambda: Client("http://gateway.test", "secret", tmp_path / "home", http=gateway.transport()),
    )
    monkeypatch.setenv("TENSORFLEET_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])
