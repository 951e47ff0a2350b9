"""The warm templates of an agent, and which of them a task is forked from."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tensorfleet.adapters.leased import LEASED, LENT
from tensorfleet.agent import processes
from tensorfleet.agent.config import AgentConfig
from tensorfleet.agent.env_templates import EnvironmentTemplates, Refused, is_needed, with_packages
from tensorfleet.agent.environments import Environments
from tensorfleet.agent.spool import SpooledTask
from tensorfleet.agent.stats import interface_of
from tensorfleet.agent.template import TORCH
from tensorfleet.agent.warm import Listener, WarmTemplate
from tensorfleet.kit.asking import ask
from tensorfleet.kit.environ import without_secrets
from tensorfleet.training.template_imports import needs_torch

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Templates:
    """The first template is always there; the one with torch is forked from it when a task needs it, and let go when idle."""

    def __init__(self, config: AgentConfig, listener: Listener, refused: Refused) -> None:
        self._work_dir = Path(config.work_dir)
        self._begets: socket.socket | None = None
        self._nursery = config.nursery
        self._light = config.light
        self._leased = config.objects_url == LEASED
        base = partial(self._from_nursery, "base") if config.nursery else self._fresh
        torch = partial(self._from_nursery, "torch") if config.nursery else self._forked
        self._base = WarmTemplate("base", base, listener)
        self._torch = WarmTemplate("torch", torch, listener, config.torch_idle_s)
        environments = Environments(config.environments_dir, self._work_dir, config.environments)
        self._others = EnvironmentTemplates(
            environments, self._of_environment, listener, refused, config.torch_idle_s
        )

    def start(self, task: SpooledTask, spec: dict[str, Any], env: dict[str, str]) -> None:
        own = self._torch if needs_torch(spec) else self._base
        spec = with_packages(spec)
        if is_needed(spec):
            self._others.start(task, spec, env, own)
        else:
            own.start(task, env)

    def withdraw(self, lease: int) -> bool:
        """Takes back an order that still waits; False when the task was started already."""
        return any(one.withdraw(lease) for one in (self._base, self._torch, self._others))

    async def run(self, torch: bool) -> None:
        """Keeps them running; with `torch`, the second is warmed at once instead of at the first task that needs it."""
        if not self._light:
            self._base.wanted.set()
        if torch:
            self._torch.wanted.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._base.run())
            group.create_task(self._torch.run())
            group.create_task(self._others.run())

    @asynccontextmanager
    async def _fresh(self) -> AsyncIterator[socket.socket]:
        self._begets, heard = socket.socketpair()
        try:
            async with self._spawned(sys.executable, heard) as ours:
                yield ours
        finally:
            self._begets.close()

    @asynccontextmanager
    async def _of_environment(self, python: Path) -> AsyncIterator[socket.socket]:
        begets, heard = socket.socketpair()  # nothing is asked of it here
        with begets:
            async with self._spawned(str(python), heard, "environment") as ours:
                yield ours

    @asynccontextmanager
    async def _spawned(self, python: str, heard: socket.socket, *words: str) -> AsyncIterator[socket.socket]:
        """A template as a process of its own; gone, with its tasks, when the context ends."""
        ours, theirs = socket.socketpair()
        env = without_secrets(os.environ, store_keys=not self._leased)
        env |= ONE_THREAD | {processes.MARK: str(self._work_dir.resolve()), LENT: "1" if self._leased else ""}
        fds = (theirs.fileno(), heard.fileno())
        command = (python, "-m", "tensorfleet.agent.template", *map(str, fds), *words)
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=fds, env=env, stdin=asyncio.subprocess.DEVNULL
        )
        theirs.close()
        heard.close()
        processes.wanted.add(process.pid)
        try:
            yield ours
        finally:
            with contextlib.suppress(ProcessLookupError):
                if process.returncode is None and not _closing():
                    process.kill()
            await process.wait()
            processes.wanted.discard(process.pid)
            await processes.bury_orphans()

    @asynccontextmanager
    async def _from_nursery(self, kind: str) -> AsyncIterator[socket.socket]:
        """One like that which the nursery has: no agent of this machine has to import anything itself."""
        ours, theirs = socket.socketpair()
        with theirs, contextlib.suppress(OSError):  # as below
            await asyncio.to_thread(ask, self._nursery, {"op": "template", "kind": kind}, theirs)
        yield ours

    @asynccontextmanager
    async def _forked(self) -> AsyncIterator[socket.socket]:
        self._base.wanted.set()
        await self._base.ready.wait()
        assert self._begets is not None
        ours, theirs = socket.socketpair()
        with (
            theirs,
            contextlib.suppress(OSError),
        ):  # the first has just ended: then this one's socket is closed
            socket.send_fds(self._begets, [TORCH], [theirs.fileno()])
        yield ours


def _closing() -> bool:
    """Whether this coroutine is being cancelled: then the template ends by itself, its tasks first."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def task_env(
    task: dict[str, Any], directory: Path, gpus: list[int], host: str = "127.0.0.1"
) -> dict[str, str]:
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
    if task.get("traceparent"):
        env["TRACEPARENT"] = task["traceparent"]  # own code that is traced goes on in the same trace
    if not task["spec"].get("algorithm"):
        env |= _as_torchrun(task)
    if task["master_addr"] == "127.0.0.1":
        # gloo would look its own host name up and may find an address that is not there
        env["GLOO_SOCKET_IFNAME"] = "lo" if sys.platform == "linux" else "lo0"
    elif (name := interface_of(host)) is not None:
        env["GLOO_SOCKET_IFNAME"] = name
    return env


def _as_torchrun(task: dict[str, Any]) -> dict[str, str]:
    """What else scripts written for `torchrun` may look at; each worker is one of its nodes."""
    return {
        "GROUP_RANK": str(task.get("node_rank", 0)),
        "GROUP_WORLD_SIZE": str(task.get("nodes", 1)),
        "ROLE_RANK": str(task["rank"]),
        "ROLE_WORLD_SIZE": str(task["world_size"]),
        "ROLE_NAME": "default",
        "TORCHELASTIC_RUN_ID": str(task["job_id"]),
        "TORCHELASTIC_RESTART_COUNT": str(int(task["attempt"]) - 1),
        "TORCHELASTIC_MAX_RESTARTS": str(task["spec"].get("retries", 0)),
    }
