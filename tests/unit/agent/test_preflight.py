"""What an agent finds on this machine: figures, and nothing that it did not look at."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tensorfleet.agent import preflight
from tensorfleet.health.model import Limits, Status, measured_of
from tensorfleet.health.verdict import judge


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "SWAP_S", 0.0)


def test_this_machine_is_measured(tmp_path: Path) -> None:
    found = preflight.measure(tmp_path)
    assert found["disk"]["write_s"] > 0
    assert found["disk"]["free_bytes"] <= found["disk"]["total_bytes"]
    assert 0 < found["memory"]["available_bytes"] <= found["memory"]["total_bytes"]
    assert list(tmp_path.iterdir()) == [], "nothing is left there"


def test_a_folder_that_is_gone_or_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = preflight.measure(tmp_path / "gone")
    assert found["disk"]["trouble"] == f"No such file or directory ({tmp_path / 'gone'})"
    verdict = judge(measured_of(found), Limits())
    assert verdict.status is Status.FAILED

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    found = preflight.measure(tmp_path)
    assert found["disk"]["trouble"] == f"No space left on device ({tmp_path})"
    assert "write_s" not in found["disk"]
    assert list(tmp_path.iterdir()) == []


def test_agents_share_a_machine_by_kernel_address_and_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = preflight.machine_of("10.0.0.1", tmp_path / "a")
    assert one == preflight.machine_of("10.0.0.1", tmp_path / "b" / "c"), "not there yet"
    assert len(one) <= 64
    others = {one, preflight.machine_of("10.0.0.2", tmp_path)}
    if Path("/dev/shm").exists():
        others.add(preflight.machine_of("10.0.0.1", Path("/dev/shm")))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    others.add(preflight.machine_of("10.0.0.1", tmp_path))
    assert len(others) == (4 if Path("/dev/shm").exists() else 3)


class NVMLError(Exception): ...


def nvml(**changes: Any) -> SimpleNamespace:
    def not_counted(*_: object) -> int:
        raise NVMLError("Not Supported")

    usual: dict[str, Any] = {
        "NVMLError": NVMLError,
        "NVML_MEMORY_ERROR_TYPE_UNCORRECTED": 1,
        "NVML_VOLATILE_ECC": 0,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: f"GPU-{handle}",
        "nvmlDeviceGetTotalEccErrors": lambda handle, kind, counter: 3 if handle else not_counted(),
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda handle: 0x40 | 0x04,
    }
    return SimpleNamespace(**usual | changes)


def gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: SimpleNamespace) -> dict[str, Any]:
    monkeypatch.setattr(preflight, "DRIVER", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pynvml", library)
    return preflight._gpus()


def test_gpus_are_asked_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert preflight._gpus() == {"no_gpus": "no GPU"} or preflight.DRIVER.exists()
    assert gpus(monkeypatch, tmp_path, nvml()) == {
        "gpus": [
            {"name": "GPU-0", "slowed_by": ["heat"]},
            {"name": "GPU-1", "ecc_errors": 3, "slowed_by": ["heat"]},
        ]
    }
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,7")
    assert [gpu["name"] for gpu in gpus(monkeypatch, tmp_path, nvml())["gpus"]] == ["GPU-1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus(monkeypatch, tmp_path, nvml()) == {"no_gpus": "this agent was given no GPU"}


def test_a_driver_that_does_not_answer_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mismatch() -> None:
        raise NVMLError("Driver/library version mismatch")

    found = gpus(monkeypatch, tmp_path, nvml(nvmlInit=mismatch))
    assert found == {"gpu_trouble": "Driver/library version mismatch"}
    assert judge(measured_of(found), Limits()).status is Status.FAILED
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    assert "not installed" in preflight._gpus()["no_gpus"]
