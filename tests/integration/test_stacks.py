"""Stacks of real processes, asked from outside in both ways."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.agent import stacks
from tests.integration.platform import wait_until

ARMED = r"""
import os, sys, threading, time
from pathlib import Path
from tensorfleet.training.pulse import answer_stack_dumps

answer_stack_dumps(Path(sys.argv[1]))

def worker():
    os.write(1, b"ready\n")
    time.sleep(600)

def step():
    threading.Event().wait()

if os.fork() == 0:
    worker()
threading.Thread(target=worker, daemon=True).start()
step()
"""
UNARMED = "import os, time\nos.write(1, b'ready\\n' * 2)\ntime.sleep(600)\n"
Start = Callable[[str], int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a script in a task's folder and waits until it stands where it will stand."""
    started: list[subprocess.Popen[str]] = []

    def run(text: str) -> int:
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "main.py").write_text(text)
        command = [sys.executable, str(tmp_path / "code" / "main.py"), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == "ready\n"
        return process.pid

    yield run
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(params=["py-spy", "faulthandler"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "faulthandler":
        monkeypatch.setattr(stacks, "_by_py_spy", lambda pid, task_dir: [])
    return str(request.param)


def stack(process: dict[str, Any]) -> list[tuple[str, str, str]]:
    frames = process["threads"][0]["frames"]
    return [
        (frame["file"], frame["function"].rsplit(".", 1)[-1], frame.get("source", "")) for frame in frames
    ]


def test_main_thread_others_and_children_are_told(how: str, start: Start, tmp_path: Path) -> None:
    pid = start(ARMED)
    wait_until(lambda: len(stack(stacks.collect(pid, tmp_path)[0])) > 3, "its main thread to wait")
    task, child = stacks.collect(pid, tmp_path)
    if how == "py-spy" and task["how"] != how:
        pytest.skip("this system does not let one process read the memory of another")
    assert [task["how"], child["how"]] == [how, how]
    assert task["pid"] == pid
    main, other = task["threads"]
    assert stack(task)[-2:] == [
        ("main.py", "step", "threading.Event().wait()"),
        ("main.py", "<module>", "step()"),
    ]
    assert stack(task)[0][:2] == ("threading.py", "wait")
    assert main["main"]
    assert other["frames"][0]["source"] == "time.sleep(600)"
    assert stack(child)[0] == ("main.py", "worker", "time.sleep(600)")
    again, _ = stacks.collect(pid, tmp_path)
    assert stack(again) == stack(task), "it stands there still, and can be asked as often as one likes"


def test_a_process_without_a_handler_is_left_alone(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "_by_py_spy", lambda pid, task_dir: [])
    pid = start(UNARMED)
    (tmp_path / stacks.STACKS_FILE).touch()
    (found,) = stacks.collect(pid, tmp_path)
    assert found["threads"] == []
    (found,) = stacks.collect(pid, tmp_path)
    assert found["state"] != "zombie", "the signal would have killed it"


def test_a_process_that_is_gone_has_no_stacks(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert stacks.collect(gone.pid, tmp_path) == []
