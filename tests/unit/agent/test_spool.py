"""What tasks leave on disk, and what a restarted agent makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.agent.spool import Spool

NO_LIMIT = 1 << 62


# ---- a restarted agent -----------------------------------------------------------------------------------------------


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def ends(process: subprocess.Popen[bytes], within_s: float) -> bool:
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def left_by_an_agent(folder: Path, pid: int) -> Path:
    spool = Spool(folder, NO_LIMIT)
    task = spool.add(41, {"job_id": "j-1"})
    spool.started(task, pid)
    (task.directory / "log").write_bytes(b"hello\n")
    return task.directory


def test_recovery_kills_what_still_runs_and_keeps_what_it_wrote(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    left_by_an_agent(tmp_path, sleeper.pid)
    spool = Spool(tmp_path, NO_LIMIT)
    spool.recover()
    assert ends(sleeper, within_s=10)
    assert sleeper.returncode == -signal.SIGKILL
    task = spool.tasks[41]
    assert (task.ended, task.running, task.outcome["status"]) == (True, False, "lost")
    assert task.streams["log"].next_chunk(final=True) == b"hello\n"
    spool.remove(task)
    assert list(tmp_path.iterdir()) == []
    assert spool.tasks == {}


@pytest.mark.parametrize("start", ["1", "", None, 7], ids=["other", "unknown", "null", "number"])
def test_recovery_spares_a_stranger_with_the_same_number(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], start: Any
) -> None:
    folder = left_by_an_agent(tmp_path, sleeper.pid)
    (folder / "pid.json").write_text(json.dumps({"pid": sleeper.pid, "start": start}))
    Spool(tmp_path, NO_LIMIT).recover()
    deadline = time.monotonic() + 0.2
    assert not ends(sleeper, within_s=deadline - time.monotonic())


@pytest.mark.parametrize(
    "known", ["", "{", "[]", "null", "{}", '{"pid": "1"}', '{"pid": -1, "start": "1"}'], ids=range(7)
)
def test_recovery_outlives_a_torn_note(tmp_path: Path, known: str) -> None:
    folder = left_by_an_agent(tmp_path, os.getpid())
    (folder / "pid.json").write_text(known)
    spool = Spool(tmp_path, NO_LIMIT)
    spool.recover()
    assert spool.tasks[41].outcome["status"] == "lost"


def test_recovery_clears_what_is_no_task(tmp_path: Path) -> None:
    (tmp_path / "41").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "task.json").write_text("{}")
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path, NO_LIMIT)
    spool.recover()
    assert spool.tasks == {}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_task_is_concluded_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NO_LIMIT)
    task = spool.add(41, {"job_id": "j-1"})
    assert json.loads((task.directory / "task.json").read_text()) == {"job_id": "j-1"}
    task.pid = os.getpid()
    assert task.running
    spool.conclude(task, signal.SIGKILL)
    spool.conclude(task, None)
    assert task.outcome["class"] == "killed"
