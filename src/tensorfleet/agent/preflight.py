"""What an agent finds when it looks at its machine: disk, memory, GPUs.  Figures only; the orchestrator says what they mean."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from tensorfleet.agent.stats import visible_gpus

FILE_BYTES = 1024**2
SWAP_S = 0.5
"""So long is watched what goes to the swap and comes from it."""
DRIVER = Path("/proc/driver/nvidia")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SLOWED_BY = {0x08: "hardware", 0x20: "heat (driver)", 0x40: "heat", 0x80: "its power supply"}


def machine_of(host: str, folder: Path) -> str:
    """Names what agents share if it is the same for them: a kernel since its start, an address, a disk, GPUs."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    parts = (socket.gethostname(), boot, host, there.stat().st_dev, visible_gpus())
    return f"{parts[0][:40]}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def measure(folder: Path) -> dict[str, Any]:
    """Takes about half a second, longer on a machine that is not well."""
    moved, began = _swapped_bytes(), time.monotonic()
    found = {"disk": _disk(folder), **_gpus()}
    time.sleep(max(0.0, SWAP_S - (time.monotonic() - began)))
    memory = psutil.virtual_memory()
    found["memory"] = {"total_bytes": memory.total, "available_bytes": memory.available}
    after = _swapped_bytes()
    if moved is not None and after is not None:
        found["memory"]["swap_bytes_s"] = (after - moved) / (time.monotonic() - began)
    return found


def _disk(folder: Path) -> dict[str, Any]:
    """A small file is written until it is on the disk; where that does not work, the system's own words."""
    path = folder / f".check-{secrets.token_hex(8)}"
    found: dict[str, Any] = {}
    try:
        usage = shutil.disk_usage(folder)
        found |= {"total_bytes": usage.total, "free_bytes": usage.free}
        began = time.monotonic()
        with path.open("xb") as file:
            file.write(os.urandom(FILE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        found["write_s"] = time.monotonic() - began
    except OSError as error:
        found["trouble"] = f"{error.strerror or error} ({folder})"
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    return found


def _swapped_bytes() -> int | None:
    """Since the system's start, in both directions."""
    try:
        swap = psutil.swap_memory()
    except (OSError, RuntimeError):
        return None
    return int(swap.sin + swap.sout)


def _gpus() -> dict[str, Any]:
    given = visible_gpus()
    if not DRIVER.exists():
        return {"no_gpus": "no GPU"}
    if given == []:
        return {"no_gpus": "this agent was given no GPU"}
    try:
        import pynvml
    except ImportError:
        return {"no_gpus": "nvidia-ml-py is not installed, without which GPUs cannot be asked"}
    try:
        pynvml.nvmlInit()
        try:
            return {"gpus": _ask(pynvml, given)}
        finally:
            pynvml.nvmlShutdown()
    except Exception as error:  # NVML's own, of any class: the driver is there and cannot be used
        return {"gpu_trouble": str(error)}


def _ask(nvml: Any, given: Sequence[int] | None) -> list[dict[str, Any]]:
    there = range(nvml.nvmlDeviceGetCount())
    return [_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(i)) for i in given or there if i in there]


def _gpu(nvml: Any, handle: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": nvml.nvmlDeviceGetName(handle)}
    with contextlib.suppress(nvml.NVMLError):  # not all count them
        found["ecc_errors"] = nvml.nvmlDeviceGetTotalEccErrors(
            handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
        )
    with contextlib.suppress(nvml.NVMLError):
        reasons = int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
        found["slowed_by"] = [name for bit, name in _SLOWED_BY.items() if reasons & bit]
    return found
