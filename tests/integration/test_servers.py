"""The servers that tests start go away with the process that started them, even when it is killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tensorfleet.testing.servers import create_database, postgres

STARTERS = {
    "postgres": "from tensorfleet.testing.servers import postgres as start; url = lambda server: server",
    "s3": "from tensorfleet.testing.servers import s3 as start; url = lambda server: server.endpoint",
    "redis": "from tensorfleet.testing.servers import redis as start; url = lambda server: server.url",
}


@pytest.fixture
def open_folder() -> Iterator[str]:
    """A folder that PostgreSQL, which runs as another user when we are root, can reach."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield folder


def is_listening(url: str) -> bool:
    parts = urlsplit(url)
    assert parts.port
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port)) == 0


@pytest.mark.parametrize("kind", STARTERS)
def test_a_killed_test_leaves_no_server(kind: str, open_folder: str) -> None:
    program = f"{STARTERS[kind]}\nwith start() as server:\n    print(url(server), flush=True)\n    input()"
    command = [sys.executable, "-c", program]
    env = {**os.environ, "TMPDIR": open_folder}
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        assert is_listening(url)
        starter.kill()
    deadline = time.monotonic() + 20
    while is_listening(url):
        assert time.monotonic() < deadline, f"{kind} still listens at {url}"
        time.sleep(0.05)


def test_databases_are_apart() -> None:
    with postgres() as url:
        first, second = create_database(url), create_database(url)
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE t (x int)")
        with psycopg.connect(second) as connection, pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM t")
    assert not is_listening(url)
