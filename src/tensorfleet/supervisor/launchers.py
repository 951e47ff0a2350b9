"""The launcher that the settings name, and what it tells the agents that it starts."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import socket
from importlib.util import find_spec
from typing import Any

from tensorfleet.errors import InvalidInput
from tensorfleet.fleet.ports import Launcher, WorkerType
from tensorfleet.kit.clock import utc_now
from tensorfleet.monitor.wake import SUPERVISOR_SOCKET_NAME
from tensorfleet.settings import Settings
from tensorfleet.supervisor.roles import NURSERY, agent_config
from tensorfleet.supervisor.trusting import sent_elsewhere, with_certificate


def check_launcher(settings: Settings) -> None:
    """Raises InvalidInput when what the launcher needs is not installed."""
    if settings.fleet.launcher == "ray" and find_spec("ray") is None:
        raise InvalidInput(
            "setting 'fleet.launcher' is 'ray', and Ray is not installed; run `pip install 'tensorfleet[ray]'`, "
            "or leave the setting out for agents of this machine alone"
        )


def build_launcher(settings: Settings, token: str) -> Launcher:
    """Raises InvalidInput when what it needs is not installed."""
    check_launcher(settings)
    if settings.fleet.launcher == "ray":
        from tensorfleet.adapters.ray_launcher import RayLauncher

        return RayLauncher(
            settings.fleet.address, namespace_of(settings), settings.fleet.placement, _Told(settings, token)
        )
    from tensorfleet.adapters.local_launcher import LocalLauncher

    return LocalLauncher(
        settings.run_dir / f"{NURSERY}.sock",
        settings.home / "fleet",
        lambda: _wake(settings),
        _Told(settings, token),
    )


def namespace_of(settings: Settings) -> str:
    """A platform's own among all that use one Ray cluster."""
    digest = hashlib.sha256(str(settings.home.resolve()).encode()).hexdigest()[:12]
    return f"tensorfleet-{digest}"


def _wake(settings: Settings) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as doorbell:
        doorbell.setblocking(False)
        doorbell.sendto(NURSERY.encode(), str(settings.run_dir / SUPERVISOR_SOCKET_NAME))
        return True
    return False


class _Told:
    """What an agent is told; on another machine, the launcher there adds where its folder is and how it is reached."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings = settings
        self._token = token

    def __call__(self, worker_id: str, worker_type: WorkerType) -> dict[str, Any]:
        settings = self._settings
        resources: dict[str, Any] = {"type": worker_type.name}
        if worker_type.cpus:
            resources["cpus"] = worker_type.cpus
        if worker_type.memory_bytes:
            resources["memory_bytes"] = worker_type.memory_bytes
        told: dict[str, Any] = {
            "worker_id": worker_id,
            "name": worker_id,
            "slots": worker_type.slots,
        }
        if settings.fleet.launcher == "ray":
            resources["cpus"] = worker_type.cpus or worker_type.slots  # as it is asked for there
            resources["incarnation"] = int(utc_now().timestamp() * 1000)
            near = settings.orchestrator.startswith("unix:")
            told |= {
                "alone_s": settings.fleet.alone_s,
                "caches": str(settings.home.resolve()) if near else "",
            }
        else:
            told |= {
                "work_dir": str((settings.home / "fleet" / worker_id).resolve()),
                "caches": str((settings.home / "agent").resolve()),
                "light": settings.fleet.light,
                "nursery": str(settings.run_dir / f"{NURSERY}.sock"),
            }
        config = dataclasses.replace(agent_config(settings, self._token), resources=resources, **told)
        secured = sent_elsewhere if settings.fleet.launcher == "ray" else with_certificate
        return dataclasses.asdict(secured(settings, config))
