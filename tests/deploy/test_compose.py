"""The compose file: everything that it names exists, and nobody's password is in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tensorfleet.settings import load_settings
from tests.deploy import manifests
from tests.deploy.manifests import DEPLOY

COMPOSE = DEPLOY / "compose"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((COMPOSE / "compose.yaml").read_text()))


def make_secrets(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [str(COMPOSE / "secrets.sh"), *options, str(folder)]
    return subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **env}, capture_output=True, text=True, timeout=30
    )


def read_env(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_all_services_are_there(compose: dict[str, Any]) -> None:
    stores = {"mlflow", "postgres", "redis", "s3", "nginx", "prometheus", "alertmanager", "grafana", "bucket"}
    assert set(compose["services"]) == {*manifests.ROLES, *stores}
    assert compose["services"]["nginx"]["ports"] == ["${TENSORFLEET_BIND:-127.0.0.1}:8080:8000"]
    assert compose["services"]["orchestrator"]["ports"] == [
        f"${{TENSORFLEET_BIND:-127.0.0.1}}:{port}:{port}" for port in (50051, 50061)
    ]
    assert set(compose["networks"]) == {"tensorfleet-net"}


def test_settings_and_images_are_real(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    targets = manifests.image_roles()
    for name, service in compose["services"].items():
        environment = service.get("environment", {})
        assert manifests.unknown_settings(set(environment)) == [], name
        if name in manifests.ROLES:
            assert f"/{name}:" in service["image"]
            assert name in targets
    for key, value in compose["x-settings"].items():
        monkeypatch.setenv(key, value)
    settings = load_settings(home=tmp_path)
    assert settings.orchestrator == "orchestrator:50051"
    assert (settings.secured, settings.authority) == (True, "orchestrator:50061")


def test_what_is_mounted_exists(compose: dict[str, Any], tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets")
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./secrets/"):
                assert (tmp_path / source).exists(), name
            elif source.startswith("."):
                assert (COMPOSE / source).exists(), f"{name}: {source}"
        for file in service.get("env_file", []):
            assert (tmp_path / file).exists(), name
    for secret in compose["secrets"].values():
        assert (tmp_path / secret["file"]).exists()


def test_only_the_stores_and_pages_keep_their_root_writable(compose: dict[str, Any]) -> None:
    for name in (*manifests.ROLES, "mlflow", "nginx"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_only_orchestrators_can_open_the_authority(compose: dict[str, Any]) -> None:
    readers = [
        name
        for name, service in compose["services"].items()
        if "secrets/authority.env" in service.get("env_file", [])
    ]
    assert readers == ["orchestrator"]


def test_nothing_listens_beyond_this_machine_by_itself(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("${TENSORFLEET_BIND:-127.0.0.1}:")


def test_secrets_are_random_and_stay(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    assert make_secrets(first).returncode == 0
    assert make_secrets(second).returncode == 0
    assert first.stat().st_mode & 0o777 == 0o700
    tokens = {(folder / "token").read_text() for folder in (first, second)}
    assert len(tokens) == 2
    assert all(re.fullmatch("[A-Za-z0-9]{40}", token) for token in tokens)
    before = (first / "platform.env").read_text()
    assert "there already" in make_secrets(first).stderr
    assert (first / "platform.env").read_text() == before


def test_the_env_files_have_the_settings(tmp_path: Path) -> None:
    make_secrets(tmp_path / "made")
    platform, agent = (read_env(tmp_path / "made" / name) for name in ("platform.env", "agent.env"))
    assert manifests.unknown_settings(set(platform)) == []
    assert set(agent) == manifests.AGENTS_OWN
    assert set(platform) >= manifests.RANDOM
    assert len({platform[name] for name in manifests.RANDOM}) == len(manifests.RANDOM)
    assert set(read_env(tmp_path / "made/authority.env")) == {"TENSORFLEET_AUTHORITY_SECRET"}
    password = (tmp_path / "made/postgres-password").read_text()
    assert (
        platform["TENSORFLEET_DATABASE_URL"]
        == f"postgresql://tensorfleet:{password}@postgres:5432/tensorfleet"
    )
    assert platform["MLFLOW_BACKEND_STORE_URI"].startswith(f"postgresql+psycopg://tensorfleet:{password}@")


def test_a_database_outside(tmp_path: Path) -> None:
    refused = make_secrets(tmp_path / "a", "--outside")
    assert refused.returncode == 1
    assert "TENSORFLEET_DATABASE_URL" in refused.stderr
    assert not (tmp_path / "a").exists()
    url = "postgresql://u:p@db.example.org/n?sslmode=require"
    assert make_secrets(tmp_path / "b", "--outside", TENSORFLEET_DATABASE_URL=url).returncode == 0
    made = read_env(tmp_path / "b/platform.env")
    assert made["TENSORFLEET_DATABASE_URL"] == url
    assert made["MLFLOW_BACKEND_STORE_URI"].endswith("?sslmode=require&options=-csearch_path%3Dmlflow")
    assert "AWS_ACCESS_KEY_ID" not in made
