"""The leak check itself: what a test leaves running fails that test, by name; a tidy run stays green."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAKY = """
import socket, subprocess, threading
import tests.leaks

tests.leaks.GRACE_S = 0.1
done = threading.Event()
kept = []

def test_process():
    kept.append(subprocess.Popen(["sleep", "60"]))

def test_thread():
    threading.Thread(target=done.wait, name="forgotten").start()

def test_socket():
    kept.append(socket.create_server(("127.0.0.1", 0)))

def test_tidy():
    with socket.create_server(("127.0.0.1", 0)):
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        assert subprocess.run(["sleep", "0"]).returncode == 0

def teardown_module():
    done.set()
    kept[0].kill()
    kept[0].wait()
    kept[1].close()
"""
SESSION = """
import socket
import pytest
import tests.leaks

tests.leaks.GRACE_S = 0.1
kept = []

@pytest.fixture(scope="session")
def server():
    kept.append(socket.create_server(("127.0.0.1", 0)))

def test_uses_it(server):
    pass

def test_uses_it_again(server):
    pass
"""


def run(folder: Path, source: str) -> tuple[int, str]:
    """Exit code and output of a test run of `source` under the check."""
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "tests.leaks", "-p", "no:cacheprovider"]
    finished = subprocess.run(
        [*command, "--rootdir", str(folder), "-c", os.devnull, "-rA", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return finished.returncode, finished.stdout + finished.stderr


def test_what_is_left_running_fails_the_test(tmp_path: Path) -> None:
    code, output = run(tmp_path, LEAKY)
    assert code == 1, output
    assert "4 passed, 3 errors" in output
    said = {
        line.partition("::")[2].partition(" - ")[0]: line
        for line in output.splitlines()
        if line.startswith("ERROR ")
    }
    assert sorted(said) == ["test_process", "test_socket", "test_thread"]
    assert "(sleep 60)" in said["test_process"]
    assert "left running: thread forgotten" in said["test_thread"]
    assert "left running: listening socket ('127.0.0.1'" in said["test_socket"]
    assert "the tests left running" not in output, "they were tidied up before the end of the session"


def test_what_a_session_fixture_keeps_is_allowed_until_the_end(tmp_path: Path) -> None:
    code, output = run(tmp_path, SESSION)
    assert code == 1, output
    assert "2 passed" in output
    assert "ERROR" not in output
    assert "the tests left running: listening socket" in output
