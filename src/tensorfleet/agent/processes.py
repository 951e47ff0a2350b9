"""What the kernel knows of processes: who is whose child, who inherits orphans, who belongs to which agent.  Linux above all."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

MARK = "TENSORFLEET_AGENT_DIR"
"""In the environment of a template, and so of all that comes from it: the folder of the agent that it belongs to."""
LEAVE = signal.SIGUSR1
"""Tells an agent to end once what it runs is saved and delivered; SIGTERM ends it at once."""
SWEEP_MOST_S = 5.0
_PDEATHSIG, _NAME, _CHILD_SUBREAPER = 1, 15, 36


def prctl(option: int, value: int | bytes) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def name_process(name: str) -> None:
    """The name that `ps` and `top` show, up to 15 characters."""
    prctl(_NAME, name.encode()[:15])


def inherit_orphans() -> None:
    """What descendants leave behind becomes a child of this process instead of the machine's first one."""
    prctl(_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """The kernel kills this process when `parent` ends, whatever the reason."""
    prctl(_PDEATHSIG, signal.SIGKILL)
    if sys.platform == "linux" and os.getppid() != parent:  # it ended before the kernel had been asked
        os._exit(70)


def fork(let_go: Callable[[], None], work: Callable[[], int]) -> int:
    """Forks a child that ends with this process, lets go of what is this one's alone, does its work and exits with the code
    of that; returns its pid.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        die_with(parent)
        let_go()
        code = work()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def children(pid: int | None = None) -> set[int]:
    """The children of a process, this one if not said; those that ended and were not waited for are among them."""
    folder = Path(f"/proc/{pid or 'self'}/task")
    if not folder.exists():
        return _children_elsewhere(pid) if sys.platform != "linux" else set()
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in os.listdir(folder):  # noqa: PTH208 - names are enough, and this runs often
            with contextlib.suppress(OSError), open(f"{folder}/{thread}/children", "rb") as file:  # noqa: PTH123
                found.update(map(int, file.read().split()))
    return found


def _children_elsewhere(pid: int | None) -> set[int]:
    import psutil

    with contextlib.suppress(psutil.Error):
        return {child.pid for child in psutil.Process(pid).children()}
    return set()


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found, new = [pid], [pid]
    while new:
        new = [child for parent in new for child in children(parent) if child not in found]
        found += new
    return found


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def leave_code_on_disk() -> None:
    """Gives back the pages of libraries' machine code that imports have run once; what is run again comes back from the cache.

    Only code: other parts of a library may have been written to since they were loaded.
    """
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        madvise = ctypes.CDLL(None).madvise
        for line in maps:
            span, access, *_, last = line.split()
            if access == "r-xp" and last.startswith("/"):
                begin, end = (int(address, 16) for address in span.split("-"))
                madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


_inherits = False
wanted: set[int] = set()
"""Children that this process has started itself and still needs."""


def adopt() -> None:
    """For the agent's own process: from now on every child that it has not started itself is the orphan of a task."""
    global _inherits
    inherit_orphans()
    _inherits = True


async def bury_orphans() -> None:
    """Ends the orphans that have come to this process: all its children that are not wanted."""
    deadline = time.monotonic() + SWEEP_MOST_S
    while _inherits and (orphans := children() - wanted) and time.monotonic() < deadline:
        for pid in orphans:
            kill(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - it does not block
        await asyncio.sleep(0.005)


def kill_marked(work_dir: Path) -> None:
    """Ends what an earlier agent of this folder, killed together with its templates, has left running.

    It is known by the environment that it was started with; nobody's shell in that folder is touched.
    """
    deadline = time.monotonic() + SWEEP_MOST_S
    while (found := _marked(work_dir)) and time.monotonic() < deadline:
        for pid in found:
            kill(pid)
        time.sleep(0.01)


def _marked(work_dir: Path) -> set[int]:
    mark = f"{MARK}={work_dir.resolve()}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return found - {os.getpid()}
