"""Secrets over HTTP: nobody gets a value back, and what is wrong is told without it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tensorfleet.access.model import PERMISSIONS, Permission, Role
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata
from tensorfleet.gateway.problems import add_problem_handlers
from tensorfleet.secrets.endpoints import build_router
from tensorfleet.secrets.keys import add_key, load_keyring
from tensorfleet.secrets.service import SecretService
from tensorfleet.secrets.store import SqlSecretStore
from tensorfleet.secrets.vault import Vault
from tensorfleet.settings import load_settings
from tensorfleet.testing.callers import called_by

VALUE = "planted-value"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database.engine)
    settings, store = load_settings(home=tmp_path), SqlSecretStore(database)
    vault = Vault(
        partial(load_keyring, settings), partial(add_key, settings), store, lambda: datetime.now(UTC)
    )
    app = FastAPI()
    add_problem_handlers(app)
    app.include_router(build_router(SecretService(store, vault, lambda: datetime.now(UTC))))
    with TestClient(called_by(app)) as opened:
        yield opened
    database.close()


def test_a_value_goes_in_and_never_comes_back(client: TestClient) -> None:
    answers = [
        client.put("/secrets/hf-token?workspace=vision", json={"value": VALUE}),
        client.get("/secrets?workspace=vision"),
        client.post("/secrets/rotation"),
        client.get("/secrets?workspace=vision"),
        client.delete("/secrets/hf-token?workspace=vision"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 204]
    assert all(VALUE not in answer.text for answer in answers)
    [listed] = answers[1].json()["items"]
    assert {
        "name": "hf-token",
        "workspace": "vision",
        "version": 1,
        "updated_by": "root",
    }.items() <= listed.items()
    assert answers[2].json()["resealed"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"value": [VALUE]}, {"value": VALUE * 6000}, {"value": f"{VALUE}\0"}, {"value": ""}, {"values": VALUE}, [VALUE],
        {"value": VALUE, "more": VALUE},
    ],
    ids=range(7),
)  # fmt: skip
def test_what_will_not_do_is_told_without_the_value(client: TestClient, body: object) -> None:
    answer = client.put("/secrets/a", json=body)
    assert answer.status_code == 422
    assert VALUE not in answer.text
    assert client.get("/secrets").json()["items"] == []


def test_a_secret_that_is_not_there_is_told_with_the_nearest(client: TestClient) -> None:
    client.put("/secrets/hf-token", json={"value": VALUE})
    answer = client.delete("/secrets/hf-tokn")
    assert answer.status_code == 404
    assert "did you mean 'hf-token'?" in answer.json()["detail"]


def test_roles_may_with_secrets_what_they_should() -> None:
    held = {
        role: {one.value for one in PERMISSIONS[role] if one.value.startswith("secrets")} for role in Role
    }
    assert held == {
        Role.VIEWER: set(),
        Role.SERVICE: {Permission.SECRETS_READ.value},
        Role.USER: {"secrets:read", "secrets:write"},
        Role.ADMIN: {"secrets:read", "secrets:write"},
    }
