"""What tasks leave on disk: the agent's memory, which survives its death.

A task writes `log`, `records.jsonl` and `outcome.json` into its folder by itself and needs nobody to be listening.  The agent
follows the two streams by byte offset; what was taken over is known by the orchestrator alone, so nothing here has to be kept
in step with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorfleet.kit.files import write_atomic

STREAM_FILES = {"log": "log", "record": "records.jsonl"}
INTERRUPTED_FILE = "interrupted"
CHUNK_BYTES = 256 * 1024
WINDOW_BYTES = 4 * 1024**2


@dataclass
class Stream:
    """How far one of a task's files was sent and taken over, in bytes."""

    path: Path
    limit: int
    sent: int = 0
    taken: int = 0

    def next_chunk(self, final: bool) -> bytes:
        """The next piece to send: whole lines where there are any; the rest as it is once the task has ended."""
        room = min(CHUNK_BYTES, WINDOW_BYTES - (self.sent - self.taken))
        if room <= 0 or self.sent > self.limit:
            return b""
        try:
            with self.path.open("rb") as file:
                file.seek(self.sent)
                data = file.read(room)
        except FileNotFoundError:
            return b""
        if self.sent + len(data) > self.limit:
            return (
                data[: self.limit - self.sent]
                + b"\n[the log is longer than its limit; the rest is left out]\n"
            )
        cut = data.rfind(b"\n") + 1
        if cut:
            return data[:cut]
        return data if final or len(data) == room else b""

    @property
    def drained(self) -> bool:
        size = self.path.stat().st_size if self.path.exists() else 0
        return self.taken >= min(size, self.limit)


@dataclass
class SpooledTask:
    """One task's folder and what the agent knows of it now."""

    lease: int
    directory: Path
    streams: dict[str, Stream]
    pid: int | None = None
    stopping: bool = False
    """The agent itself has sent a signal to it."""
    ended: bool = False
    reported: bool = False
    released: bool = False
    outcome: dict[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.pid is not None and not self.ended


class Spool:
    """All tasks that the agent has something of, by lease."""

    def __init__(self, directory: Path, log_limit_bytes: int) -> None:
        self._directory = directory
        self._log_limit_bytes = log_limit_bytes
        self.tasks: dict[int, SpooledTask] = {}
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add(self, lease: int, task: dict[str, Any]) -> SpooledTask:
        directory = self._directory / str(lease)
        directory.mkdir(mode=0o700)
        write_atomic(directory / "task.json", json.dumps(task).encode(), mode=0o600, durable=False)
        return self._remember(lease, directory)

    def recover(self) -> None:
        """After a restart: what earlier tasks left is still to be delivered; what still runs of them is ended."""
        for directory in sorted(self._directory.iterdir(), key=lambda path: path.name):
            if not directory.name.isdigit() or not (directory / "task.json").exists():
                shutil.rmtree(directory, ignore_errors=True)
                continue
            task = self._remember(int(directory.name), directory)
            _kill_leftover(directory)
            self.conclude(task, None)

    def _remember(self, lease: int, directory: Path) -> SpooledTask:
        limits = {"log": self._log_limit_bytes, "record": 1 << 62}
        streams = {name: Stream(directory / file, limits[name]) for name, file in STREAM_FILES.items()}
        task = self.tasks[lease] = SpooledTask(lease, directory, streams)
        return task

    def started(self, task: SpooledTask, pid: int) -> None:
        task.pid = pid
        write_atomic(
            task.directory / "pid.json",
            json.dumps({"pid": pid, "start": _start_time(pid)}).encode(),
            durable=False,
        )

    def conclude(self, task: SpooledTask, wait_status: int | None) -> None:
        """The task has ended: works out how, from what it wrote and how it went (None: nobody saw it go)."""
        if not task.ended:
            task.ended = True
            task.outcome = outcome_of(task.directory, wait_status, task.stopping)

    def interrupt(self, task: SpooledTask) -> None:
        """Notes that the agent itself is being stopped: the task is about to be killed through no fault of its own."""
        (task.directory / INTERRUPTED_FILE).touch()

    def remove(self, task: SpooledTask) -> None:
        self.tasks.pop(task.lease, None)
        shutil.rmtree(task.directory, ignore_errors=True)


def outcome_of(directory: Path, wait_status: int | None, stopped_by_us: bool) -> dict[str, Any]:
    """How a task ended, as the orchestrator is told: `{"status", "class", "message", "result"}`."""
    written = _read_object(directory / "outcome.json")
    if written.get("status") == "succeeded":
        return {"status": "succeeded", "result": written}
    if stopped_by_us:
        return {"status": "stopped", "class": "cancelled", "message": "stopped on command"}
    if written.get("status") == "failed":
        return {key: written.get(key) for key in ("status", "class", "message", "traceback")}
    if wait_status is None and (directory / INTERRUPTED_FILE).exists():
        return {
            "status": "lost",
            "class": "interrupted",
            "message": "the platform was stopped while the task ran",
        }
    if wait_status is None:
        return {
            "status": "lost",
            "class": "lost_worker",
            "message": "the agent was restarted while the task ran",
        }
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        return {
            "status": "failed",
            "class": "killed",
            "message": f"the task was killed by {_signal_name(number)}",
            "traceback": _last_lines(directory),
        }
    code = os.WEXITSTATUS(wait_status)
    if code == 0:
        return {
            "status": "failed",
            "class": "user_error",
            "message": "the task exited with code 0 before it was done",
        }
    return {
        "status": "failed",
        "class": "user_error",
        "message": f"the task exited with code {code}",
        "traceback": _last_lines(directory),
    }


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    hints = {
        "SIGKILL": " (by a person, or by the system when memory ran out)",
        "SIGSEGV": " (a crash in native code)",
    }
    return name + hints.get(name, "")


def _last_lines(directory: Path, count: int = 20) -> str:
    try:
        with (directory / "log").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-count:])
    except OSError:
        return ""


def _start_time(pid: int) -> str:
    """When a process started, as the kernel tells: tells it from a later one with the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _kill_leftover(directory: Path) -> None:
    known = _read_object(directory / "pid.json")
    pid, start = known.get("pid"), known.get("start")
    if isinstance(pid, int) and start and start == _start_time(pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _read_object(path: Path) -> dict[str, Any]:
    """A JSON object; empty when there is none, or something else: a task's own code writes in this folder too."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
