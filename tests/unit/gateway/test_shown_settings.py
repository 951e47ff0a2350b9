"""What is told of the settings: enough for a page, and nothing that is secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tensorfleet.gateway.shown_settings import SettingsRead, settings_to_dict
from tensorfleet.settings import load_settings

SECRET = "do-not-tell"
EVERYTHING: dict[str, Any] = {
    "database_url": f"postgresql://user:{SECRET}@{SECRET}/name",
    "object_store_url": f"s3://{SECRET}/prefix?access_key={SECRET}",
    "mlflow_url": f"https://{SECRET}@mlflow",
    "redis_url": f"rediss://:{SECRET}@redis",
    "orchestrator_address": f"{SECRET}:50051",
    "authority_secret": SECRET * 4,
    "secrets_key": SECRET,
    "bootstrap": {"agent": SECRET * 4},
    "metrics": {"token": SECRET},
    "notify": [
        {"name": "ops", "type": "slack", "url": f"https://hooks.slack.com/{SECRET}", "secret": SECRET},
        {
            "name": "mail", "type": "email", "server": "mail:587", "sender": "a@b.c", "to": ["a@b.c"],
            "user": SECRET, "password": SECRET,
        },
    ],
    "access": {
        "url": "https://fleet.example.org",
        "oidc": [{"name": "company", "issuer": "https://login.example.org", "client_id": SECRET, "client_secret": SECRET}],
    },
    "tls": {"certificate": f"/{SECRET}.pem", "key": f"/{SECRET}.key"},
    "sla": {"url": f"http://{SECRET}:8080"},
    "fleet": {"launcher": "ray", "address": f"{SECRET}:6379"},
    "autoscale": {"enabled": True, "min": 1, "max": 3},
    "prices": {"cpu_hour": 0.1},
    "quotas": {"lab": {"gpus": 2}},
    "budgets": {"lab": {"monthly": 10}},
    "retention": {"jobs": "90d"},
    "web": {"proxies": ["10.0.0.0/8"]},
    "outgoing": {"allow": ["10.1.0.0/16"]},
}  # fmt: skip


def test_no_secret_and_no_address_is_told(tmp_path: Path) -> None:
    found = settings_to_dict(load_settings(home=tmp_path / SECRET, **EVERYTHING))
    assert SECRET not in json.dumps(found)
    assert "10.0.0.0" not in json.dumps(found)
    TypeAdapter(SettingsRead).validate_python(found)
    assert found["runs"]["database"] == "postgresql"
    assert (found["runs"]["objects"], found["runs"]["tracking"], found["runs"]["launcher"]) == (
        "s3",
        "https",
        "ray",
    )
    assert found["features"] == {
        "https": True, "mutual_tls": True, "redis": True, "autoscaling": True, "limits": True, "audit_of_reads": True,
        "prices": True, "oidc": ["company"], "notices": ["ops", "mail"],
    }  # fmt: skip
    assert found["retention"]["jobs"] == 90 * 86400
    assert (found["quotas"]["lab"]["gpus"], found["budgets"]["lab"]["monthly"]) == (2.0, 10.0)


def test_a_laptop_has_little_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENSORFLEET_DATABASE_URL", raising=False)
    found = settings_to_dict(load_settings(home=tmp_path))
    runs = found["runs"]
    assert (runs["database"], runs["objects"], runs["launcher"]) == ("sqlite", "folder", "local")
    on = {name for name, value in found["features"].items() if value}
    assert on == {"limits", "audit_of_reads"}
    assert found["limits"]["requests"]["read"] == {"quota": 6000, "per_s": 60.0}
    assert str(tmp_path) not in json.dumps(found)
