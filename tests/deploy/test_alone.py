"""A role in a container of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tensorfleet.errors import Unavailable
from tensorfleet.settings import ensure_home, load_settings
from tensorfleet.supervisor.alone import adopt_token, own_address


def test_a_token_from_outside_is_the_homes_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(home=tmp_path / "home")
    monkeypatch.delenv("TENSORFLEET_TOKEN", raising=False)
    adopt_token(settings)
    made = ensure_home(settings)
    monkeypatch.setenv("TENSORFLEET_TOKEN", "from-outside\n")
    adopt_token(settings)
    assert ensure_home(settings) == "from-outside" != made
    assert (settings.home / "token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("orchestrator", "expected"),
    [
        ("unix:/x/orchestrator.sock", "127.0.0.1"),
        ("127.0.0.1:50051", "127.0.0.1"),
        ("nowhere.invalid:50051, 127.0.0.1:50051", "127.0.0.1"),
        ("[::1]:50051", "::1"),
    ],
)
def test_the_address_that_others_reach(orchestrator: str, expected: str) -> None:
    assert own_address(orchestrator) == expected


@pytest.mark.parametrize(
    "orchestrator", ["nowhere.invalid:50051", "127.0.0.1:port", "unix:/x,nowhere.invalid:1"]
)
def test_no_address(orchestrator: str) -> None:
    with pytest.raises(Unavailable, match="orchestrator_address"):
        own_address(orchestrator)
