"""What tasks leave on disk: pieces to send, how a task ended, and what a restarted agent finds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.agent.spool import CHUNK_BYTES, WINDOW_BYTES, Spool, Stream, outcome_of

NO_LIMIT = 1 << 62


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def send(stream: Stream, final: bool = False) -> bytes:
    """The next piece, sent and taken over."""
    data = stream.next_chunk(final)
    stream.sent += len(data)
    stream.taken = stream.sent
    return data


# ---- streams ---------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_yet_has_nothing_to_send(path: Path) -> None:
    stream = Stream(path, NO_LIMIT)
    assert stream.next_chunk(final=False) == stream.next_chunk(final=True) == b""
    assert stream.drained


def test_whole_lines_are_sent_and_the_rest_at_the_end(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthr")
    stream = Stream(path, NO_LIMIT)
    assert send(stream) == b"one\ntwo\n"
    assert send(stream) == b""
    assert not stream.drained
    with path.open("ab") as file:
        file.write(b"ee\nfour")
    assert send(stream) == b"three\n"
    assert send(stream, final=True) == b"four"
    assert stream.drained


def test_a_line_without_end_is_sent_in_pieces(path: Path) -> None:
    path.write_bytes(b"x" * (CHUNK_BYTES + 10))
    stream = Stream(path, NO_LIMIT)
    assert len(send(stream)) == CHUNK_BYTES
    assert send(stream) == b""
    assert len(send(stream, final=True)) == 10


def test_no_more_is_on_its_way_than_the_window(path: Path) -> None:
    line = b"y" * 1023 + b"\n"
    path.write_bytes(line * (2 * WINDOW_BYTES // len(line)))
    stream = Stream(path, NO_LIMIT)
    while data := stream.next_chunk(final=False):
        stream.sent += len(data)
    assert stream.sent == WINDOW_BYTES
    stream.taken = CHUNK_BYTES
    assert len(stream.next_chunk(final=False)) == CHUNK_BYTES


@pytest.mark.parametrize("size", [11, 12, 100_000])
def test_a_log_over_its_limit_ends_with_a_note(path: Path, size: int) -> None:
    path.write_bytes(b"z" * 9 + b"\n" + b"z" * (size - 10))
    stream = Stream(path, limit=10)
    text = b""
    while data := send(stream, final=True):
        text += data
    assert text.startswith(b"z" * 9 + b"\n")
    assert text.count(b"the log is longer than its limit") == 1
    assert text.endswith(b"the rest is left out]\n")
    assert stream.drained


def test_a_log_of_just_its_limit_is_whole(path: Path) -> None:
    path.write_bytes(b"z" * 9 + b"\n")
    stream = Stream(path, limit=10)
    assert send(stream, final=True) == path.read_bytes()
    assert send(stream, final=True) == b""
    assert stream.drained


# ---- how a task ended ------------------------------------------------------------------------------------------------


def wait_status(code: str) -> int:
    """How a real process ended that ran `code`."""
    process = subprocess.Popen([sys.executable, "-S", "-c", code])
    status = os.waitpid(process.pid, 0)[1]
    process.returncode = os.waitstatus_to_exitcode(status)
    return status


def wrote(folder: Path, outcome: Any) -> None:
    (folder / "outcome.json").write_text(json.dumps(outcome))


def test_a_success_stands_however_the_process_went(tmp_path: Path) -> None:
    written = {"status": "succeeded", "metrics": {"accuracy": 1.0}}
    wrote(tmp_path, written)
    for status, stopped in ((0, False), (None, False), (signal.SIGKILL, False), (signal.SIGTERM, True)):
        assert outcome_of(tmp_path, status, stopped) == {"status": "succeeded", "result": written}


def test_a_failure_tells_its_story(tmp_path: Path) -> None:
    told = {"status": "failed", "class": "data", "message": "empty", "traceback": "Trace"}
    wrote(tmp_path, {**told, "more": 1})
    assert outcome_of(tmp_path, 256, False) == told
    assert outcome_of(tmp_path, None, False) == told
    assert outcome_of(tmp_path, 256, True)["status"] == "stopped", "it failed because it was stopped"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "killed by SIGKILL (by a person, or by the system when memory ran out)"),
        (signal.SIGSEGV, "killed by SIGSEGV (a crash in native code)"),
        (signal.SIGTERM, "killed by SIGTERM"),
        (signal.SIGRTMIN + 3, f"killed by signal {signal.SIGRTMIN + 3}"),
    ],
    ids=["kill", "crash", "term", "real-time"],
)
def test_a_signal_is_named_with_the_last_lines(tmp_path: Path, number: int, said: str) -> None:
    (tmp_path / "log").write_bytes(b"".join(b"line %d \xff\n" % line for line in range(2000)))
    code = "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), "
    status = wait_status(f"{code}{int(number)})")
    outcome = outcome_of(tmp_path, status, stopped_by_us=False)
    assert (outcome["status"], outcome["class"]) == ("failed", "killed")
    assert outcome["message"].endswith(said)
    last = outcome["traceback"].splitlines()
    assert len(last) == 20
    assert last[-1] == "line 1999 \ufffd"
    assert outcome_of(tmp_path, status, stopped_by_us=True)["class"] == "cancelled"


def test_an_exit_without_an_outcome_is_the_task_s_own(tmp_path: Path) -> None:
    early = outcome_of(tmp_path, wait_status("pass"), False)
    assert (early["class"], early["message"]) == (
        "user_error",
        "the task exited with code 0 before it was done",
    )
    failed = outcome_of(tmp_path, wait_status("raise SystemExit(7)"), False)
    assert (failed["message"], failed["traceback"]) == ("the task exited with code 7", "")


@pytest.mark.parametrize(
    "torn", ["", "{", '{"status"', "\0", "[]", "null", '"succeeded"', "[" * 100_000], ids=range(8)
)
def test_an_outcome_that_cannot_be_read_counts_as_none(tmp_path: Path, torn: str) -> None:
    (tmp_path / "outcome.json").write_text(torn)
    assert outcome_of(tmp_path, 0, False)["message"] == "the task exited with code 0 before it was done"


def test_nobody_saw_it_go(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, None, False)
    assert (outcome["status"], outcome["class"]) == ("lost", "lost_worker")


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
