"""What the machine has and what of it is in use."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import psutil


def machine_resources() -> dict[str, Any]:
    """`{"cpus", "memory_bytes", "gpus": [{"name", "memory_bytes"}]}`."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": [{"name": gpu["name"], "memory_bytes": gpu["memory_bytes"]} for gpu in _gpus()],
    }


def machine_stats(folder: Path, min_free_disk_bytes: int) -> dict[str, Any]:
    """Use since the last call (CPU) and now (memory, GPUs, the disk of `folder`); percentages are 0..100."""
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(None),
        "memory_percent": memory.percent,
        "memory_used_bytes": memory.total - memory.available,
        "gpus": _gpus(),
        **disk_stats(folder, min_free_disk_bytes),
    }


def disk_stats(folder: Path, min_free_bytes: int) -> dict[str, Any]:
    """The disk is low below `min_free_bytes`, and below a hundredth of it; one that cannot be asked is not said to be."""
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return {}
    low = disk.free < max(min_free_bytes, disk.total // 100)
    return {"disk_free_bytes": disk.free, "disk_total_bytes": disk.total, "low_disk": low}


def visible_gpus() -> list[int] | None:
    """The numbers of the GPUs that this process was given, as the driver counts them; None for all there are."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is None or not all(part.strip().isdigit() for part in told.split(",") if part):
        return None
    return [int(part) for part in told.split(",") if part]


def _gpus() -> list[dict[str, Any]]:
    if not Path("/proc/driver/nvidia").exists():
        return []
    with contextlib.suppress(Exception):  # a broken driver is a machine without GPUs, not a broken agent
        import pynvml

        pynvml.nvmlInit()
        try:
            there = range(pynvml.nvmlDeviceGetCount())
            given = visible_gpus()
            return [
                _gpu(pynvml, pynvml.nvmlDeviceGetHandleByIndex(i))
                for i in (there if given is None else given)
                if i in there
            ]
        finally:
            pynvml.nvmlShutdown()
    return []


def _gpu(nvml: Any, handle: Any) -> dict[str, Any]:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return {
        "name": nvml.nvmlDeviceGetName(handle),
        "memory_bytes": memory.total,
        "memory_used_bytes": memory.used,
        "utilisation_percent": nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
    }


def interface_of(address: str) -> str | None:
    """The network interface that has this address; None when there is none."""
    for name, found in psutil.net_if_addrs().items():
        if any(one.address == address for one in found):
            return name
    return None


class ReservedPorts:
    """Ports kept for the rendezvous of gangs: bound, so that nobody else is given them, but not listened on.

    A task's store binds the same port with SO_REUSEADDR, which the kernel allows as long as this side does not listen.
    """

    def __init__(self, host: str, count: int) -> None:
        self._sockets = []
        for _ in range(count):
            holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind((host, 0))
            self._sockets.append(holder)

    @property
    def numbers(self) -> list[int]:
        return [holder.getsockname()[1] for holder in self._sockets]

    def close(self) -> None:
        for holder in self._sockets:
            holder.close()
