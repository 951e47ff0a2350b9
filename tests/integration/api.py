"""Plain HTTP against a running platform, and what a refused request may have left behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from tensorfleet.registry.card import CARD_FILE
from tests.integration.platform import Platform

COUNTED = ("jobs", "attempts", "tasks", "leases", "datasets", "dataset_versions", "model_versions")


def open_api(platform: Platform, **headers: str) -> httpx.Client:
    """An HTTP client with the token of the home; paths are relative to the server."""
    token = (platform.home / "token").read_text()
    given = {"Authorization": f"Bearer {token}", **headers}
    return httpx.Client(base_url=platform.client.url, headers=given, timeout=30, trust_env=False)


def as_written(api: httpx.Client, method: str, path: str, body: bytes | None = None) -> httpx.Response:
    """Sends a path below /api/v1 exactly as it stands there, with its dots and escapes."""
    return api.request(method, "/", content=body, extensions={"target": f"/api/v1{path}".encode()})


def refused(answer: httpx.Response, status: int, *words: str, code: str | None = None) -> dict[str, Any]:
    """Asserts a problem document of that status whose sentence has these words, and returns it."""
    assert answer.status_code == status, answer.text[:2000]
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert code is None or problem["code"] == code
    for word in words:
        assert word in problem["detail"], problem["detail"]
    assert "\n" not in problem["detail"]
    assert len(problem["detail"]) < 1000
    return problem


def traces(home: Path) -> dict[str, Any]:
    """What is stored: rows by table, commands that wait, and the files of the object store and of uploads."""
    with closing(sqlite3.connect(f"file:{home / 'tensorfleet.db'}?mode=ro", uri=True)) as connection:
        found: dict[str, Any] = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED
        }
    for folder in ("objects", "work"):
        files = (path for path in (home / folder).rglob("*") if path.is_file())
        found[folder] = {str(path.relative_to(home)) for path in files if not _is_the_monitors(path)}
    return found


def _is_the_monitors(path: Path) -> bool:
    """Cards of earlier models, and pictures of their runs, written in the monitor's own time, as the audit log's anchors are in
    the gateway's."""
    return CARD_FILE in path.name or not {"mlflow", "audit"}.isdisjoint(path.parts)
