"""The agent's side of the warm template: keeps one running, has it fork tasks, hears how they end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from tensorfleet.agent.spool import SpooledTask

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SECRETS = ("TENSORFLEET_TOKEN", "TENSORFLEET_AGENT_CONFIG", "TENSORFLEET_DATABASE_URL")
RESTART_MOST_S = 5.0
log = structlog.get_logger()


class WarmTemplate:
    """Orders wait until the template is ready; when it dies, its tasks die with it and a new one is started."""

    def __init__(
        self,
        on_started: Callable[[int, int], None],
        on_exit: Callable[[int, int], None],
        on_death: Callable[[], None],
    ) -> None:
        self._on_started = on_started
        self._on_exit = on_exit
        self._on_death = on_death
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, dict[str, Any]] = {}
        self.ready = asyncio.Event()

    def start(self, task: SpooledTask, env: dict[str, str]) -> None:
        order = {"lease": task.lease, "dir": str(task.directory.resolve()), "env": env}
        if self.ready.is_set() and self._writer is not None:
            self._writer.write(json.dumps(order).encode() + b"\n")
        else:
            self._waiting[task.lease] = order

    def withdraw(self, lease: int) -> bool:
        """Takes back an order that still waits; False when the task was started already."""
        return self._waiting.pop(lease, None) is not None

    def holds_back(self, lease: int) -> bool:
        """Whether an order waits for the next template to be ready."""
        return lease in self._waiting

    async def run(self) -> None:
        delay_s = 0.0
        while True:
            began = asyncio.get_running_loop().time()
            await self._run_one()
            self.ready.clear()
            self._on_death()
            lived_s = asyncio.get_running_loop().time() - began
            delay_s = 0.0 if lived_s > 30 else min(RESTART_MOST_S, max(0.2, delay_s * 2))
            log.warning(
                "the warm template ended; starting another", lived_s=round(lived_s, 1), delay_s=delay_s
            )
            await asyncio.sleep(delay_s)

    async def _run_one(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        env = {key: value for key, value in os.environ.items() if key not in SECRETS} | ONE_THREAD
        command = (sys.executable, "-m", "tensorfleet.agent.template", str(theirs.fileno()))
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=[theirs.fileno()], env=env, stdin=asyncio.subprocess.DEVNULL
        )
        theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
        except ConnectionError:
            pass
        finally:
            self._writer.close()
            with contextlib.suppress(ProcessLookupError):
                if process.returncode is None and not _closing():
                    process.kill()
            await process.wait()

    def _hear(self, message: dict[str, Any]) -> None:
        if message["op"] == "ready":
            self.ready.set()
            waiting, self._waiting = self._waiting, {}
            for order in waiting.values():
                assert self._writer is not None
                self._writer.write(json.dumps(order).encode() + b"\n")
        elif message["op"] == "started":
            self._on_started(message["lease"], message["pid"])
        elif message["op"] == "exit":
            self._on_exit(message["lease"], message["status"])


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
