"""The two warm templates of an agent, and which of them a task is forked from."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tensorfleet.agent import processes
from tensorfleet.agent.spool import SpooledTask
from tensorfleet.agent.warm import Listener, WarmTemplate
from tensorfleet.training.template_imports import needs_torch

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SECRETS = ("TENSORFLEET_TOKEN", "TENSORFLEET_AGENT_CONFIG", "TENSORFLEET_DATABASE_URL")


class Templates:
    """The first template is always there; the one with torch is forked from it when a task needs it, and let go when idle."""

    def __init__(self, work_dir: Path, torch_idle_s: float, listener: Listener) -> None:
        self._work_dir = work_dir
        self._begets: socket.socket | None = None
        self._base = WarmTemplate("base", self._fresh, listener)
        self._torch = WarmTemplate("torch", self._forked, listener, torch_idle_s)

    def start(self, task: SpooledTask, spec: dict[str, Any], env: dict[str, str]) -> None:
        (self._torch if needs_torch(spec) else self._base).start(task, env)

    def withdraw(self, lease: int) -> bool:
        """Takes back an order that still waits; False when the task was started already."""
        return self._base.withdraw(lease) or self._torch.withdraw(lease)

    async def run(self, torch: bool) -> None:
        """Keeps them running; with `torch`, the second is warmed at once instead of at the first task that needs it."""
        self._base.wanted.set()
        if torch:
            self._torch.wanted.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._base.run())
            group.create_task(self._torch.run())

    @asynccontextmanager
    async def _fresh(self) -> AsyncIterator[socket.socket]:
        ours, theirs = socket.socketpair()
        self._begets, heard = socket.socketpair()
        env = {key: value for key, value in os.environ.items() if key not in SECRETS}
        env |= ONE_THREAD | {processes.MARK: str(self._work_dir.resolve())}
        fds = (theirs.fileno(), heard.fileno())
        command = (sys.executable, "-m", "tensorfleet.agent.template", *map(str, fds))
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=fds, env=env, stdin=asyncio.subprocess.DEVNULL
        )
        theirs.close()
        heard.close()
        try:
            yield ours
        finally:
            self._begets.close()
            with contextlib.suppress(ProcessLookupError):
                if process.returncode is None and not _closing():
                    process.kill()
            await process.wait()
            await processes.bury_orphans()

    @asynccontextmanager
    async def _forked(self) -> AsyncIterator[socket.socket]:
        await self._base.ready.wait()
        assert self._begets is not None
        ours, theirs = socket.socketpair()
        with (
            theirs,
            contextlib.suppress(OSError),
        ):  # the first has just ended: then this one's socket is closed
            socket.send_fds(self._begets, [b"t"], [theirs.fileno()])
        yield ours


def _closing() -> bool:
    """Whether this coroutine is being cancelled: then the template ends by itself, its tasks first."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def task_env(task: dict[str, Any], directory: Path, gpus: list[int]) -> dict[str, str]:
    """What every task finds in its environment: the names that `torchrun` uses, and where its folder is."""
    env = {
        "RANK": str(task["rank"]),
        "WORLD_SIZE": str(task["world_size"]),
        "LOCAL_RANK": str(task["local_rank"]),
        "LOCAL_WORLD_SIZE": str(task["local_world_size"]),
        "MASTER_ADDR": str(task["master_addr"]),
        "MASTER_PORT": str(task["master_port"]),
        "TENSORFLEET_TASK_DIR": str(directory.resolve()),
        "CUDA_VISIBLE_DEVICES": ",".join(str(index) for index in gpus),
    }
    if task["master_addr"] == "127.0.0.1":
        # gloo would look its own host name up and may find an address that is not there
        env["GLOO_SOCKET_IFNAME"] = "lo" if sys.platform == "linux" else "lo0"
    return env
