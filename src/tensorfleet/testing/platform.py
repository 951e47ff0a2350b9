"""A platform of one's own, of real processes that are watched from here: every part of it can be killed, stopped, looked at.

It is what `tensorfleet up` starts, without the supervisor's process: the caller's event loop restarts what dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tensorfleet.gateway.listen import listen, url_of
from tensorfleet.settings import Settings, ensure_home, load_settings
from tensorfleet.supervisor.roles import Role, RunningRole, agent_config, local_roles
from tensorfleet.testing.servers import free_ports

READY_S = 60.0
STOP_S = 10.0


class OwnPlatform:
    """Orchestrator and gateway in `home`, and whatever else is added, until `stop()`."""

    def __init__(self, home: Path, **settings: object) -> None:
        (port,) = free_ports(1)
        address = f"127.0.0.1:{port}"
        self.settings: Settings = load_settings(
            **{"home": home, "port": 0, "orchestrator_address": address, **settings}
        )
        self.service = self.settings.listen
        """Where the orchestrator listens; `settings.orchestrator` names its standbys too."""
        self.token = ensure_home(self.settings)
        self.listener: socket.socket = listen(self.settings.host, 0)
        self.url = url_of(self.listener)
        self._listeners = [self.listener]
        self.logs = home / "logs"
        self.logs.mkdir(exist_ok=True, mode=0o700)
        self.restarts: dict[str, int] = {}
        self._roles: dict[str, RunningRole] = {}
        self._work: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Starts orchestrator and gateway and waits until jobs are taken.

        Raises:
            TimeoutError: they are not ready in time; the message names their logs.
        """
        for name in ("orchestrator", "gateway"):
            self.add(self.local_role(name))
        await self.ready()

    async def ready(self) -> None:
        """Waits until the gateway answers and finds the orchestrator; agents may still be on their way."""
        with _named(f"the platform is not ready; see {self.logs}"):
            async with asyncio.timeout(READY_S):
                while not await asyncio.to_thread(self._is_up):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.03)

    def _is_up(self, url: str | None = None) -> bool:
        try:
            parts = httpx.get(f"{url or self.url}/health", timeout=5, trust_env=False).json()["parts"]
        except (httpx.HTTPError, ValueError):
            return False
        return bool(parts["orchestrator"]["status"] in ("ok", "degraded"))

    async def add_gateway(self, name: str) -> str:
        """Another gateway, which answers; its address."""
        listener = listen(self.settings.host, 0)
        self._listeners.append(listener)
        self.add(dataclasses.replace(self.local_role("gateway", listener), name=name))
        url = url_of(listener)
        async with asyncio.timeout(READY_S):
            while not await asyncio.to_thread(self._is_up, url):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.03)
        return url

    def local_role(self, name: str, listener: socket.socket | None = None) -> Role:
        """How this platform starts one of the roles that `up` starts, a gateway with another socket if one is given."""
        roles = local_roles(self.settings, self.token, listener or self.listener)
        role = next(role for role in roles if role.name == name)
        settings = self.settings
        env = {
            "TENSORFLEET_ORCHESTRATOR_ADDRESS": settings.orchestrator,
            "TENSORFLEET_ORCHESTRATOR_LISTEN": self.service,
            "TENSORFLEET_DATABASE_URL": settings.database,
            "TENSORFLEET_OBJECT_STORE_URL": settings.objects,
            "TENSORFLEET_LEASE_S": str(settings.lease_s),
            "TENSORFLEET_HEARTBEAT_S": str(settings.heartbeat_s),
        }
        return dataclasses.replace(role, env={**role.env, **env})

    def orchestrator_role(self, name: str, listen_at: str) -> Role:
        """Another orchestrator, which waits until it can lead."""
        role = self.local_role("orchestrator")
        return dataclasses.replace(
            role, name=name, env={**role.env, "TENSORFLEET_ORCHESTRATOR_LISTEN": listen_at}
        )

    def agent_role(self, name: str, slots: int, address: str, **told: Any) -> Role:
        """A real agent that reaches the orchestrator at `address`; `told` are further fields of its configuration."""
        config = dataclasses.replace(
            agent_config(self.settings, self.token),
            orchestrator=address, name=name, slots=slots, work_dir=str(self.settings.home / name),
            **told,
        )  # fmt: skip
        role = self.local_role("agent")
        return dataclasses.replace(role, name=name, env={"TENSORFLEET_AGENT_CONFIG": config.to_json()})

    def add(self, role: Role) -> RunningRole:
        running = self._roles[role.name] = RunningRole(role, self.logs, self._note)
        self._work.append(asyncio.create_task(running.run()))
        return running

    def _note(self, name: str, what: str) -> None:
        self.restarts[name] = self.restarts.get(name, 0) + 1

    def role(self, name: str) -> RunningRole:
        return self._roles[name]

    def pid(self, name: str) -> int | None:
        """The process of a role; None while it is being started again."""
        return self._roles[name].pid

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Sends a signal to a role; False when it does not run now."""
        pid = self.pid(name)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    def end(self, name: str) -> Role:
        """Kills a role, which is not started again; returns how it was started, for `add`."""
        running = self._roles.pop(name)
        running.stop(signal.SIGKILL)
        return running.role

    def tasks(self, agent: str) -> list[int]:
        """Processes of the tasks that a real agent runs now, the oldest first, as its own notes tell."""
        found = []
        for note in sorted((self.settings.home / agent / "tasks").glob("*/pid.json")):
            with contextlib.suppress(OSError, ValueError, KeyError):
                pid = int(json.loads(note.read_bytes())["pid"])
                if psutil.pid_exists(pid):
                    found.append(pid)
        return found

    def processes(self) -> list[psutil.Process]:
        """All of the platform's processes, children included."""
        found: list[psutil.Process] = []
        for role in self._roles.values():
            with contextlib.suppress(psutil.Error):
                if role.pid is not None:
                    process = psutil.Process(role.pid)
                    found += [process, *process.children(recursive=True)]
        return found

    async def stop(self) -> None:
        for role in self._roles.values():
            role.stop(signal.SIGCONT)
            role.stop()
        if self._work:
            _, late = await asyncio.wait(self._work, timeout=STOP_S)
            for role in self._roles.values():
                role.stop(signal.SIGKILL)
            if late:
                await asyncio.wait(late)
        for listener in self._listeners:
            listener.close()


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise TimeoutError(what) from error


@asynccontextmanager
async def own_platform(home: Path, **settings: object) -> AsyncIterator[OwnPlatform]:
    """Orchestrator and gateway, ready; stopped at the end."""
    platform = OwnPlatform(home, **settings)
    try:
        await platform.start()
        yield platform
    finally:
        await platform.stop()


def left_running(home: Path, ours: Sequence[int] = ()) -> list[str]:
    """Processes of this user that still know of `home`: by their command line, their environment or their folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        if process.pid in (os.getpid(), *ours):
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if str(home) in _traces_of(process):
                found.append(f"{process.pid} {' '.join(process.info['cmdline'] or [])[:200]}")
    return found


def _traces_of(process: psutil.Process) -> str:
    env: Mapping[str, str] = process.environ()
    told = [value for name, value in env.items() if name.startswith("TENSORFLEET_")]
    return "\n".join([*(process.info["cmdline"] or []), process.cwd(), *told])
