"""The processes of one machine: what each is called with, and one of them as it runs, dies and is started again."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tensorfleet.adapters.leased import LEASED, LENT
from tensorfleet.agent.config import AgentConfig
from tensorfleet.kit.environ import without_secrets
from tensorfleet.settings import Settings
from tensorfleet.supervisor.trusting import with_certificate
from tensorfleet.trust.home import begin

NURSERY = "nursery"
"""The role that starts further agents of this machine; its socket is named after it."""
LOG_KEEP_BYTES = 10 * 1024**2
RESTART_MOST_S = 5.0


@dataclass(frozen=True)
class Role:
    """How to start one process; `on_demand` ones end when they are idle and are started when something wakes them."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    on_demand: bool = False
    inherits: Callable[[Mapping[str, str]], Mapping[str, str]] = dict
    """What it gets of this process's environment."""


def agent_config(settings: Settings, token: str) -> AgentConfig:
    """What this home's agent is told."""
    return AgentConfig(
        orchestrator=settings.orchestrator,
        token=token,
        work_dir=str((settings.home / "agent").resolve()),
        slots=settings.workers,
        objects_url=settings.objects if settings.objects.startswith("file:") else LEASED,
        log_limit_bytes=settings.log_limit_bytes,
        save_grace_s=settings.save_grace_s,
        torch_idle_s=settings.torch_idle_s,
        min_free_disk_bytes=settings.min_free_disk_bytes,
        metrics_token=settings.metrics.token.get_secret_value(),
    )


def local_roles(settings: Settings, token: str, listener: socket.socket) -> list[Role]:
    """Orchestrator, gateway, one agent with all slots (on Ray: none); the tuner and the tracking writer on demand."""
    begin(settings)
    python = sys.executable
    overrides = {
        "TENSORFLEET_HOME": str(settings.home.resolve()),
        "TENSORFLEET_HOST": settings.host,
        "TENSORFLEET_PORT": str(listener.getsockname()[1]),
        "TENSORFLEET_WORKERS": str(settings.workers),
        "TENSORFLEET_FLEET__LAUNCHER": settings.fleet.launcher,
    }
    run = (python, "-m", "tensorfleet.supervisor.role")
    watched = settings.metrics.monitor or settings.notify
    return [
        Role("orchestrator", (*run, "orchestrator"), overrides),
        Role(
            "gateway",
            (*run, "gateway"),
            {**overrides, "TENSORFLEET_LISTEN_FD": str(listener.fileno())},
            (listener.fileno(),),
        ),
        *(_local_agents(settings, token) if settings.fleet.launcher == "local" else ()),
        # One whose metrics are watched is always there, as is one that tells people: a worker may be lost at any time.
        Role("tuner", (*run, "tuner"), overrides, on_demand=not settings.metrics.tuner),
        Role("monitor", (*run, "monitor"), overrides, on_demand=not watched),
    ]


def _local_agents(settings: Settings, token: str) -> tuple[Role, Role]:
    """The agent that is always there, and what starts further ones when it is asked to."""
    config = dataclasses.replace(agent_config(settings, token), metrics=settings.metrics.address_of("agent"))
    config = with_certificate(settings, config)
    env = {"TENSORFLEET_AGENT_CONFIG": config.to_json()}
    if any(one.gpus for one in settings.fleet.types):
        env["CUDA_VISIBLE_DEVICES"] = ""  # a GPU has one agent: those that are started for them get them
    socket_path = settings.run_dir / f"{NURSERY}.sock"
    command = (
        sys.executable,
        "-m",
        "tensorfleet.agent.nursery",
        str(socket_path),
        str((settings.home / "fleet").resolve()),
    )
    leased = config.objects_url == LEASED
    inherits = partial(without_secrets, store_keys=not leased, collectors=True)
    return (
        Role("agent", (sys.executable, "-m", "tensorfleet.agent"), env, inherits=inherits),
        Role(NURSERY, command, {LENT: "1"} if leased else {}, on_demand=True, inherits=inherits),
    )


class RunningRole:
    """Keeps one role running until `stop()`: a process that dies is started again, at once at first, then more slowly."""

    def __init__(self, role: Role, logs: Path, on_change: Callable[[str, str], None]) -> None:
        self.role = role
        self._logs = logs
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        self._stopping = False
        if not role.on_demand:
            self._wanted.set()

    def wake(self) -> None:
        self._wanted.set()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        delay_s = 0.0
        while True:
            await self._wanted.wait()
            if self._stopping:
                return
            if self.role.on_demand:
                self._wanted.clear()  # a wake from here on is for the next one
            began = time.monotonic()
            code = await self._run_once()
            if self._stopping:
                return
            if self.role.on_demand and code == 0:
                continue
            self._wanted.set()
            lived_s = time.monotonic() - began
            delay_s = 0.0 if lived_s > 10 else min(RESTART_MOST_S, max(0.1, delay_s * 2))
            self._on_change(self.role.name, f"ended ({_how(code)}) after {lived_s:.1f} s; starting it again")
            await asyncio.sleep(delay_s)

    async def _run_once(self) -> int:
        path = self._logs / f"{self.role.name}.log"
        if path.exists() and path.stat().st_size > LOG_KEEP_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.role.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self.role.inherits(os.environ), **self.role.env},
                pass_fds=self.role.pass_fds,
                start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone, which stops the roles in order
                preexec_fn=end_with_parent,
            )
        return await self._process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._stopping = True
        self._wanted.set()
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _how(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def end_with_parent() -> None:
    """In a child, before it becomes what it is to be: when its parent is killed, it is told to end too (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
