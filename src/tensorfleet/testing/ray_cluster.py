"""A real Ray cluster for tests: a head and further nodes, as processes of their own that can be killed, stopped, cut off."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tensorfleet.testing.machines import Machine
from tensorfleet.testing.servers import free_ports

MARK = "TENSORFLEET_RAY_NODE"
START_S = 50.0
TRIES = 2
QUICK = {
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}
"""The head notices a lost node after some six seconds instead of fifteen."""


class RayNode:
    """One node; `home` is where its agents keep their things.

    All its processes carry the same mark in their environment, agents and their tasks included.
    """

    def __init__(
        self, machine: Machine, words: Sequence[str], env: Mapping[str, str], home: Path, log: Path
    ) -> None:
        self.machine = machine
        self.home = home
        self.mark = secrets.token_hex(8)
        self._command = (
            *machine.command,
            str(Path(sys.executable).parent / "ray"),
            "start",
            "--block",
            *words,
        )
        self._env = {**os.environ, **env, "TENSORFLEET_HOME": str(home), MARK: self.mark}
        self._log = log
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as output:
            return subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def pids(self) -> list[int]:
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def signal(self, number: signal.Signals) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """As when its power fails: every process of it, at once."""
        deadline = time.monotonic() + 10
        while self.pids() and time.monotonic() < deadline:
            self.signal(signal.SIGKILL)
            time.sleep(0.02)
        self._process.wait(10)

    def wait(self) -> None:
        """Until it is there.  Ray gives a node half a minute for its start, which on a busy machine may be too short.

        Raises:
            RuntimeError: it ends whenever it is started.
            TimeoutError: it is not there in time.
        """
        deadline = time.monotonic() + TRIES * START_S
        tries = 1
        while b"Ray runtime started" not in self._log.read_bytes():
            if self._process.poll() is not None:
                if tries == TRIES:
                    raise RuntimeError(f"a Ray node did not start: {self._log.read_text()[-2000:]}")
                self.kill()
                self._process, tries = self._start(), tries + 1
            if time.monotonic() > deadline:
                raise TimeoutError(f"no Ray node in time: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)


class RayCluster:
    """`env` is what else has to know to speak with it: its address and its token."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder = folder
        self.env = env
        self.nodes: list[RayNode] = []
        self.address = ""

    def add(self, machine: Machine, cpus: int, home: Path) -> RayNode:
        """Starts a node, the first as head, and waits until it is there."""
        words = [
            f"--node-ip-address={machine.address}", f"--num-cpus={cpus}", "--object-store-memory=80000000",
            "--disable-usage-stats", "--include-log-monitor=false",
        ]  # fmt: skip
        if not self.nodes:
            port, client = free_ports(2)
            self.address = f"{machine.address}:{port}"
            self.env["RAY_ADDRESS"] = self.address
            words += ["--head", f"--port={port}", f"--ray-client-server-port={client}",
                      "--include-dashboard=false", f"--temp-dir={self._folder}"]  # fmt: skip
        else:
            words += [f"--address={self.address}"]
        env = {name: value for name, value in self.env.items() if name != "RAY_ADDRESS"}
        log = self._folder / f"node-{len(self.nodes)}.out"
        node = RayNode(machine, words, env, home, log)
        self.nodes.append(node)
        node.wait()
        return node


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """Without nodes yet; all that are added end at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tf-ray-", dir="/tmp"))
    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16), **QUICK}
    cluster = RayCluster(folder, env)
    try:
        yield cluster
    finally:
        for node in cluster.nodes:
            node.signal(signal.SIGKILL)
        for node in cluster.nodes:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)
        _forget(cluster.address)


def _forget(address: str) -> None:
    """Ray notes for all of the machine which cluster was started last; `ray.init()` would look for one that is gone."""
    noted = Path("/tmp/ray/ray_current_cluster")  # noqa: S108 - where Ray has it, whatever its folder is
    with contextlib.suppress(OSError):
        if address and noted.read_text().strip() == address:
            noted.unlink()


def here(name: str = "here") -> Machine:
    """This machine as one of a cluster's."""
    return Machine(name, "127.0.0.1")
