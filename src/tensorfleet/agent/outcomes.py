"""How a task ended, from what it wrote and how its process went."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from tensorfleet.agent.memory import TaskMemory

INTERRUPTED_FILE = "interrupted"
FULL_DISK_BYTES = 1024**2
NO_SPACE = "No space left on device"
DISK_FULL = "the worker's disk is full"
STEPS = ("step", "saved_step")


def outcome_of(
    directory: Path, wait_status: int | None, stopped_by_us: bool, memory: TaskMemory | None = None
) -> dict[str, Any]:
    """What the orchestrator is told: `{"status", "class", "message", "traceback", "evidence", "result"}`, as far as known.

    Args:
        wait_status: as waitpid gives it; None: nobody saw the task go.
    """
    written = read_object(directory / "outcome.json")
    if written.get("status") == "succeeded":
        return {"status": "succeeded", "result": written}
    if stopped_by_us:
        return _stopped(written)
    memory = memory or TaskMemory()
    if memory.over_limit:
        return _over_limit(directory, memory)
    if written.get("status") == "failed":
        return _failed(directory, written)
    if written.get("status") == "stopped":
        return {**_killed(directory, "SIGTERM", memory), "result": _steps(written)}
    if wait_status is None:
        return _lost(directory)
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        if number == signal.SIGKILL and memory.killed_by_system():
            return _out_of_machine(directory, memory)
        return _killed(directory, _signal_name(number), memory)
    return _exited(directory, os.WEXITSTATUS(wait_status))


def _stopped(written: dict[str, Any]) -> dict[str, Any]:
    outcome = {"status": "stopped", "class": "cancelled", "message": "stopped on command"}
    return outcome | ({"result": _steps(written)} if written.get("status") == "stopped" else {})


def _steps(written: dict[str, Any]) -> dict[str, Any]:
    return {name: written.get(name, -1) for name in STEPS}


def _failed(directory: Path, written: dict[str, Any]) -> dict[str, Any]:
    """What the task said itself; except that no code is to blame for a full disk."""
    names = ("status", "class", "message", "traceback")
    outcome = {name: written.get(name) for name in names}
    if isinstance(written.get("evidence"), dict):
        outcome["evidence"] = written["evidence"]
    if NO_SPACE in str(outcome["message"]) and _is_full(directory):
        outcome |= {"class": "infrastructure", "message": f"{DISK_FULL}: {outcome['message']}"}
    return outcome


def _over_limit(directory: Path, memory: TaskMemory) -> dict[str, Any]:
    used, limit = gibibytes(memory.curve.peak), gibibytes(memory.limit)
    return {
        "status": "failed",
        "class": "out_of_memory",
        "message": f"rank {memory.rank} used {used} of the {limit} that resources.memory allows; "
        "ask for more, or use smaller batches",
        "traceback": last_lines(directory),
        "evidence": memory.evidence("host"),
    }


def _out_of_machine(directory: Path, memory: TaskMemory) -> dict[str, Any]:
    return {
        "status": "failed",
        "class": "out_of_memory",
        "message": f"the system killed rank {memory.rank} because memory ran out on its machine; it had used up to "
        f"{gibibytes(memory.curve.peak)}; say with resources.memory what it needs, or use smaller batches",
        "traceback": last_lines(directory),
        "evidence": memory.evidence("host"),
    }


def _killed(directory: Path, name: str, memory: TaskMemory) -> dict[str, Any]:
    outcome = {
        "status": "failed",
        "class": "killed",
        "message": f"the task was killed by {name}",
        "traceback": last_lines(directory),
    }
    return outcome | ({"evidence": memory.evidence(None)} if memory.curve.peak else {})


def _lost(directory: Path) -> dict[str, Any]:
    if (directory / INTERRUPTED_FILE).exists():
        message = "the platform was stopped while the task ran"
        return {"status": "lost", "class": "interrupted", "message": message}
    message = "the agent, or the process that had started the task, was killed while it ran"
    return {"status": "lost", "class": "lost_worker", "message": message}


def _exited(directory: Path, code: int) -> dict[str, Any]:
    outcome = {"status": "failed", "class": "user_error", "message": f"the task exited with code {code}"}
    if code == 0:
        return outcome | {"message": "the task exited with code 0 before it was done"}
    if _is_full(directory):
        message = f"{DISK_FULL}, and the task exited with code {code}"
        outcome |= {"class": "infrastructure", "message": message}
    return outcome | {"traceback": last_lines(directory)}


def filled_disk(used_bytes: int, total_bytes: int) -> dict[str, Any]:
    """For a task whose own files have filled the disk: trying again would fill it again."""
    message = (
        f"the job has filled the worker's disk: its files there have {gibibytes(used_bytes)} of {gibibytes(total_bytes)};"
        " write less where it runs, or use a worker with a larger disk"
    )
    return {"status": "failed", "class": "user_error", "message": message}


def refused(error: OSError, free_bytes: int) -> dict[str, Any]:
    """For a task whose folder could not be made."""
    message = (
        f"the worker could not make the task's folder: {error.strerror} ({free_bytes // 1024**2} MiB free)"
    )
    return {"status": "failed", "class": "infrastructure", "message": message}


def gibibytes(count: int) -> str:
    """`1.3 GiB`, `640 MiB`: the units in which `resources.memory` is written."""
    return f"{round(count / 1024**3, 1):g} GiB" if count >= 1024**3 else f"{count / 1024**2:.0f} MiB"


def _is_full(directory: Path) -> bool:
    try:
        return shutil.disk_usage(directory).free < FULL_DISK_BYTES
    except OSError:
        return False


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


def last_lines(directory: Path, count: int = 20) -> str:
    try:
        with (directory / "log").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-count:])
    except OSError:
        return ""


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object; empty when there is none, or something else: a task's own code writes in this folder too."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
