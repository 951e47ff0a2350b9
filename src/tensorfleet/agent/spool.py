"""What tasks leave on disk: the agent's memory, which survives its death.

A task writes `log`, `records.jsonl` and `outcome.json` into its folder by itself and needs nobody to be listening.  The agent
follows the two streams by byte offset; what was taken over is known by the orchestrator alone, so nothing here has to be kept
in step with it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from tensorfleet.agent import processes
from tensorfleet.agent.masking import LEFT_OUT, Mask, has_secrets, references, without_texts
from tensorfleet.agent.memory import TaskMemory
from tensorfleet.agent.outcomes import INTERRUPTED_FILE, outcome_of, read_object, refused
from tensorfleet.agent.streams import Stream
from tensorfleet.agent.usage import TaskUsage
from tensorfleet.kit.files import write_atomic

STREAM_FILES = {"log": "log", "record": "records.jsonl"}
log = structlog.get_logger()


@dataclass
class SpooledTask:
    """One task's folder and what the agent knows of it now."""

    lease: int
    directory: Path
    streams: dict[str, Stream]
    pid: int | None = None
    stop: str = ""
    """How the agent was told to stop it: save, end or kill; empty while it is wanted."""
    ended: bool = False
    reported: bool = False
    released: bool = False
    outcome: dict[str, Any] = field(default_factory=dict)
    memory: TaskMemory = field(default_factory=TaskMemory)
    usage: TaskUsage = field(default_factory=TaskUsage)
    filled_disk: dict[str, Any] = field(default_factory=dict)
    """Its outcome, when its own files have filled the disk."""
    mask: Mask = field(default_factory=Mask)
    unmaskable: bool = False
    """It has had secrets that this agent does not know (any more)."""

    @property
    def stopping(self) -> bool:
        return bool(self.stop)

    @property
    def running(self) -> bool:
        return self.pid is not None and not self.ended

    def hide(self, mask: Mask) -> None:
        """From now on nothing of what it leaves is told without this mask."""
        self.mask, self.unmaskable = mask, False
        for stream in self.streams.values():
            stream.mask = mask

    def shown(self, name: str, data: bytes) -> bytes:
        """A piece of one of its streams, as it may be sent."""
        if not self.unmaskable:
            return self.mask.lines(data) if name == "record" else self.mask.data(data)
        return references(data) if name == "record" else LEFT_OUT

    def told(self) -> dict[str, Any]:
        """Its outcome, as it may be sent."""
        return without_texts(self.outcome) if self.unmaskable else dict(self.mask.value(self.outcome))


class Spool:
    """All tasks that the agent has something of, by lease."""

    def __init__(self, directory: Path, log_limit_bytes: int) -> None:
        self._directory = directory
        self._log_limit_bytes = log_limit_bytes
        self.tasks: dict[int, SpooledTask] = {}
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add(self, lease: int, task: dict[str, Any]) -> SpooledTask:
        """A folder for a new task.

        Raises:
            OSError: the disk is full, or broken; nothing of the task is left.
        """
        directory = self._directory / str(lease)
        directory.mkdir(mode=0o700)
        try:
            write_atomic(directory / "task.json", json.dumps(task).encode(), mode=0o600, durable=False)
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return self._remember(lease, directory)

    def without_folder(self, lease: int) -> SpooledTask:
        """A task that is here only to be reported: it never started, and writes nothing."""
        return self._remember(lease, self._directory / str(lease))

    def refuse(self, lease: int, error: OSError) -> None:
        task = self.without_folder(lease)
        task.ended = True
        task.outcome = refused(error, shutil.disk_usage(self._directory).free)

    def recover(self) -> None:
        """After a restart: what earlier tasks left is still to be delivered; what still runs of them is ended."""
        for directory in sorted(self._directory.iterdir(), key=lambda path: path.name):
            if not directory.name.isdigit() or not (directory / "task.json").exists():
                shutil.rmtree(directory, ignore_errors=True)
                continue
            task = self._remember(int(directory.name), directory)
            task.unmaskable = has_secrets((directory / "task.json").read_bytes())
            _kill_leftover(directory)
            self.conclude(task, None)

    def _remember(self, lease: int, directory: Path) -> SpooledTask:
        limits = {"log": self._log_limit_bytes, "record": 1 << 62}
        streams = {name: Stream(directory / file, limits[name]) for name, file in STREAM_FILES.items()}
        task = self.tasks[lease] = SpooledTask(lease, directory, streams)
        return task

    def started(self, task: SpooledTask, pid: int) -> None:
        task.pid = pid
        note = json.dumps({"pid": pid, "start": _start_time(pid)}).encode()
        try:
            write_atomic(task.directory / "pid.json", note, durable=False)
        except OSError as error:  # it runs all the same; a later agent finds it by its mark
            log.warning("a task's number could not be noted", lease=task.lease, detail=str(error))

    def conclude(self, task: SpooledTask, wait_status: int | None) -> None:
        """The task has ended: works out how, from what it wrote and how it went (None: nobody saw it go)."""
        if not task.ended:
            task.ended = True
            task.outcome = outcome_of(task.directory, wait_status, task.stopping, task.memory)

    def interrupt(self, task: SpooledTask) -> None:
        """Notes that the agent itself is being stopped: the task is about to be killed through no fault of its own."""
        with contextlib.suppress(OSError):
            (task.directory / INTERRUPTED_FILE).touch()

    def remove(self, task: SpooledTask) -> None:
        self.tasks.pop(task.lease, None)
        shutil.rmtree(task.directory, ignore_errors=True)


def _start_time(pid: int) -> str:
    """When a process started, as the kernel tells: tells it from a later one with the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _kill_leftover(directory: Path) -> None:
    known = read_object(directory / "pid.json")
    pid, start = known.get("pid"), known.get("start")
    if isinstance(pid, int) and start and start == _start_time(pid):
        processes.signal_group(pid, signal.SIGKILL)
