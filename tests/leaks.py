"""No test leaves anything running: a thread, a child process or a listening socket is an error of that test.

What a fixture of a wider scope starts (a server for a whole session) is allowed until the session ends; then
everything has to be gone.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

GRACE_S = 2.0
# Pools that live as long as the session's event loop.
POOLS = re.compile(r"asyncio_\d+|AnyIO worker thread")
# Python starts one of these for a process at most, and ends it with the process.
HELPERS = re.compile(r"multiprocessing\.(resource_tracker|forkserver)")


@dataclass(frozen=True)
class Running:
    """One thing that could be left over; equal when it is the same thing, whatever it does now."""

    kind: str
    identity: Any

    def __str__(self) -> str:
        if self.kind == "thread":
            return f"thread {self.identity.name}"
        if self.kind == "socket":
            return f"listening socket {self.identity[1]}"
        return f"process {self.identity} ({_command(self.identity)})"


def running() -> set[Running]:
    """What this process has running now.  Cheap: it is asked twice for each test."""
    threads = {thread for thread in threading.enumerate() if not thread.daemon}
    found = {Running("thread", thread) for thread in threads if not POOLS.fullmatch(thread.name)}
    found |= {Running("process", child) for child in _children()}
    return found | {Running("socket", listening) for listening in _listening()}


def _children() -> set[int]:
    if not Path("/proc/self/task").is_dir():
        pids = {child.pid for child in psutil.Process().children()}
    else:
        pids = {pid for thread in os.listdir("/proc/self/task") for pid in _children_of(thread)}  # noqa: PTH208
    return {pid for pid in pids if not HELPERS.search(_command(pid))}


def _children_of(thread: str) -> set[int]:
    # Linux keeps the list at once, without a look at every process of the machine.
    try:
        return {int(pid) for pid in Path(f"/proc/self/task/{thread}/children").read_text().split()}
    except OSError:  # the thread ended meanwhile; its children have gone over to another
        return set()


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline()) or "ended, but nobody has waited for it"
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return "ended, but nobody has waited for it"


def _listening() -> set[tuple[int, str]]:
    found = set()
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode):
                found |= _address_if_listening(int(name), status.st_ino)
    return found


def _address_if_listening(descriptor: int, inode: int) -> set[tuple[int, str]]:
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return {(inode, str(copy.getsockname()))}
    return set()


def left_over(before: set[Running]) -> list[str]:
    """What runs now and did not before, once it has had a moment to end."""
    deadline = time.monotonic() + GRACE_S
    while (new := running() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    return sorted(str(one) for one in new)


_before = pytest.StashKey[set[Running]]()
_wider: set[Running] = set()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Generator[None, Any, Any]:
    if fixturedef.scope == "function":
        return (yield)
    before = running()
    result = yield
    _wider.update(running() - before)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    item.stash[_before] = running()
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    yield
    leaked = left_over(item.stash[_before] | _wider)
    _wider.update(running())  # named once, not again after each test that follows
    if leaked:
        raise AssertionError(f"the test left running: {'; '.join(leaked)}")


def pytest_sessionstart(session: pytest.Session) -> None:
    session.stash[_before] = running()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    leaked = left_over(session.stash[_before])
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if leaked and reporter is not None:
        reporter.write_line("")
        reporter.write_line(f"the tests left running: {'; '.join(leaked)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
