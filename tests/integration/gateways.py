"""A gateway alone: no orchestrator, no workers; the test makes the tables."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tensorfleet.testing.servers import free_ports
from tests.integration.platform import wait_until


@contextmanager
def gateway(home: Path, settings: dict[str, str]) -> Iterator[httpx.Client]:
    (port,) = free_ports(1)
    env = {**os.environ, **settings, "TENSORFLEET_HOME": str(home), "TENSORFLEET_PORT": str(port)}
    token = secrets.token_urlsafe(16)
    (home / "token").write_text(token)
    with (home / "gateway.log").open("wb") as output:
        command = [sys.executable, "-m", "tensorfleet.supervisor.role", "gateway"]
        process = subprocess.Popen(command, env=env, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        ) as api:
            wait_until(lambda: _lives(api), f"the gateway: {home / 'gateway.log'}")
            yield api
    finally:
        process.terminate()
        process.wait(20)


def _lives(api: httpx.Client) -> bool:
    try:
        return api.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False
