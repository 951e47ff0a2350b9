"""What a process holds, and how it is kept fresh."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tensorfleet.agent.agent import open_identity
from tensorfleet.agent.config import AgentConfig
from tensorfleet.errors import Unavailable
from tensorfleet.settings import Settings, load_settings
from tensorfleet.supervisor.trusting import as_joined, with_certificate
from tensorfleet.trust import home
from tensorfleet.trust.identity import Credentials, Identity
from tensorfleet.trust.renewing import Renewer

OWN = Credentials("agent", "w-1", "key", "certificate", "roots", 1000.0, 2000.0, "h:1")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    found = Identity(tmp_path / "agent")
    found.save(OWN)
    return found


def test_it_follows_its_file(identity: Identity, tmp_path: Path) -> None:
    assert identity.current == OWN
    assert identity.current is identity.current
    assert stat.S_IMODE(identity.path.stat().st_mode) == 0o600
    Identity(tmp_path / "agent").save(replace(OWN, name="w-2"))
    assert identity.current.name == "w-2"
    assert Identity(tmp_path / "none").find() is None


def test_it_is_renewed_when_half_its_life_is_over(identity: Identity) -> None:
    now = 1499.0
    renewer = Renewer(
        identity, lambda own: replace(own, key="next", given_at=1500, expires_at=2500), lambda: at(now)
    )
    assert not renewer.look()
    now = 1500.0
    assert renewer.look()
    assert identity.current.key == "next"
    assert not renewer.look()


def test_an_authority_that_is_away_is_asked_again(identity: Identity) -> None:
    answers = [Unavailable("away"), OSError("no"), None]

    def renew(own: Credentials) -> Credentials:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return replace(own, key="next")

    renewer = Renewer(identity, renew, lambda: at(1600))
    assert [renewer.look() for _ in range(3)] == [False, False, True]


def test_the_thread_renews(tmp_path: Path) -> None:
    identity, done = Identity(tmp_path), threading.Event()
    identity.save(replace(OWN, expires_at=1001.0))

    def renew(own: Credentials) -> Credentials:
        done.set()
        return OWN

    renewer = Renewer(identity, renew, lambda: at(1000.6))
    renewer.start()
    assert done.wait(10)
    renewer.close()


def test_an_agent_keeps_what_it_has_renewed(tmp_path: Path) -> None:
    from dataclasses import asdict

    config = AgentConfig("h:1", "", str(tmp_path), 1, "file:///x", secured=True, credentials=asdict(OWN))
    first = open_identity(config)
    assert first is not None
    assert first.current == OWN
    first.save(replace(OWN, key="renewed", expires_at=3000.0))
    second = open_identity(config)
    assert second is not None
    assert second.current.key == "renewed"
    assert open_identity(replace(config, secured=False)) is None


def _settings(tmp_path: Path, **more: object) -> Settings:
    return load_settings(home=tmp_path, **more)


@pytest.mark.parametrize(
    ("address", "mode", "secured"),
    [
        ("", "auto", False),
        ("127.0.0.1:7000", "auto", False),
        ("[::1]:7000", "auto", False),
        ("localhost:7000", "auto", False),
        ("10.0.0.1:7000", "auto", True),
        ("0.0.0.0:7000", "auto", True),
        ("fleet.example.org:7000", "auto", True),
        ("127.0.0.1:7000,10.0.0.1:7000", "auto", True),
        ("10.0.0.1:7000", "never", False),
        ("127.0.0.1:7000", "always", True),
        ("", "always", False),
    ],
)
def test_what_leaves_the_machine_is_secured(tmp_path: Path, address: str, mode: str, secured: bool) -> None:
    assert _settings(tmp_path, orchestrator_address=address, mutual_tls=mode).secured is secured


def test_what_is_listened_for_counts(tmp_path: Path) -> None:
    settings = _settings(tmp_path, orchestrator_address="127.0.0.1:7000", orchestrator_listen="0.0.0.0:7000")
    assert settings.secured
    assert settings.authority == "127.0.0.1:7010"


@pytest.mark.parametrize("address", ["host", "host:", ":7", "h:99999", "a:1,b"])
def test_addresses_that_are_none(tmp_path: Path, address: str) -> None:
    from tensorfleet.errors import InvalidInput

    with pytest.raises(InvalidInput, match="orchestrator_address"):
        _settings(tmp_path, orchestrator_address=address)


def test_who_has_neither_authority_nor_certificate_is_told(tmp_path: Path) -> None:
    from tensorfleet.errors import NotPermitted

    settings = _settings(tmp_path, orchestrator_address="10.0.0.1:7000")
    with pytest.raises(NotPermitted, match="trust invite --role gateway"):
        home.identity_for(settings, "gateway")
    home.begin(settings)
    found = home.identity_for(settings, "gateway")
    assert found is not None
    assert (found.current.role, found.current.authority) == ("gateway", "10.0.0.1:7010")


def test_an_orchestrator_that_has_joined_makes_no_authority(tmp_path: Path) -> None:
    settings = _settings(tmp_path, orchestrator_address="10.0.0.1:7000")
    Identity(settings.pki_dir / "orchestrator").save(replace(OWN, role="orchestrator"))
    home.begin(settings)
    assert not home.authority_here(settings)


def test_an_agent_of_the_home_is_named_in_its_certificate(tmp_path: Path) -> None:
    settings = _settings(tmp_path, orchestrator_address="10.0.0.1:7000")
    home.begin(settings)
    config = AgentConfig("10.0.0.1:7000", "t", str(tmp_path / "agent"), 1, "file:///x")
    told = with_certificate(settings, config)
    assert told.worker_id == Identity(tmp_path / "agent").current.name == config.own_name
    assert with_certificate(settings, config).worker_id == told.worker_id


def test_what_it_was_told_gives_way_to_what_is_set(tmp_path: Path) -> None:
    import json

    (tmp_path / "agent").mkdir()
    told = {"orchestrator_address": "10.0.0.1:7000", "save_grace_s": 3.0, "home": "/etc", "unknown": 1}
    (tmp_path / "agent" / "joined.json").write_text(json.dumps(told))
    settings = as_joined(_settings(tmp_path, save_grace_s=9.0))
    assert (settings.orchestrator, settings.save_grace_s, settings.home) == ("10.0.0.1:7000", 9.0, tmp_path)
