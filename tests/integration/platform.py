"""A real platform in a home of its own: started by the command line, killed where a test says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

import tensorfleet

CLI = str(Path(sys.executable).parent / "tensorfleet")


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 40.0) -> object:
    """Polls until the condition holds and returns its value."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s:.0f} s: {what}")


class Platform:
    """A running platform: its home, a client, its processes."""

    def __init__(self, home: Path, pid: int) -> None:
        self.home = home
        self.supervisor = psutil.Process(pid)
        self.client = tensorfleet.Client(home=home)

    def process(self, role: str) -> psutil.Process:
        """The process of one role; `template` is the agent's child, `torch-template` that one's."""
        if role == "template":
            found = self._named("tf-template", self.process("agent"))
        elif role == "torch-template":
            found = self._named("tf-torch", self.process("template"))
        else:
            word = "tensorfleet.agent" if role == "agent" else role
            found = []
            for child in self.supervisor.children():
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    found += [child] if word in child.cmdline() else []
        assert found, f"no process of role {role}"
        return found[0]

    def task_pids(self) -> list[int]:
        """The main processes of all tasks."""
        return [task.pid for task in self._named("tf-task-", self.process("agent"))]

    @staticmethod
    def _named(prefix: str, ancestor: psutil.Process) -> list[psutil.Process]:
        found = []
        for process in ancestor.children(recursive=True):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                # A process that a task has forked keeps its name, but only a task leads a session.
                if process.name().startswith(prefix) and os.getsid(process.pid) in (
                    process.pid,
                    os.getsid(ancestor.pid),
                ):
                    found.append(process)
        return found

    def kill(self, role: str) -> None:
        """kill -9, and waits until the supervisor (or the agent) has started another."""
        victim = self.process(role)
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)

        def replaced() -> bool:
            try:
                return self.process(role).pid != victim.pid
            except (AssertionError, psutil.NoSuchProcess):
                return False

        wait_until(replaced, f"a new {role}")

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "TENSORFLEET_HOME": str(self.home)}
        return subprocess.run(
            [CLI, *arguments], env=env, capture_output=True, text=True, timeout=100, check=check
        )


@contextmanager
def running_platform(home: Path, workers: int = 3, port: int = 0) -> Iterator[Platform]:
    """`tensorfleet up --detach` in `home`; at the end everything is gone."""
    env = {**os.environ, "TENSORFLEET_HOME": str(home)}
    subprocess.run(
        [CLI, "up", "--detach", "--port", str(port), "--workers", str(workers)],
        env=env,
        check=True,
        capture_output=True,
        timeout=100,
    )
    from tensorfleet.settings import load_settings
    from tensorfleet.supervisor.lock import HomeLock

    lock = HomeLock(load_settings(home=home).run_dir)
    holder = lock.holder()
    assert holder is not None
    platform = Platform(home, holder["pid"])
    family = [platform.supervisor, *platform.supervisor.children(recursive=True)]
    try:
        yield platform
    finally:
        if lock.holder() is not None:
            family += platform.supervisor.children(recursive=True)
            subprocess.run([CLI, "down"], env=env, check=True, capture_output=True, timeout=60)
        platform.client.close()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"left running: {[process.cmdline() for process in alive]}"
