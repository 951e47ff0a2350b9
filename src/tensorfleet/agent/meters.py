"""Where the machine counts energy itself: RAPL for its CPUs and memory, NVML for its GPUs.  None wherever it does not."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

POWERCAP = Path("/sys/class/powercap")
BUSY = ("user", "nice", "system", "irq", "softirq")


class CpuMeter:
    """Joules for each second that a core is busy, as the counters of the last stretch of time tell."""

    def __init__(self, root: Path = POWERCAP) -> None:
        self._zones = _zones(root)
        self._before = self._read()
        self.joules_per_busy_s: float | None = None

    def look(self, used_s: float) -> None:
        """Once for each stretch of time; `used_s` of a core are known to have been used in it."""
        before, self._before = self._before, self._read()
        if before is None or self._before is None:
            return
        joules = sum(
            _grown(then, now, most)
            for then, now, (_, most) in zip(before[0], self._before[0], self._zones, strict=True)
        )
        busy_s = max(used_s, self._before[1] - before[1])
        if busy_s > 0:
            self.joules_per_busy_s = joules / busy_s

    def _read(self) -> tuple[list[float], float] | None:
        """The counters in joules, and how long cores were busy so far."""
        if not self._zones:
            return None
        try:
            counters = [int((zone / "energy_uj").read_text()) / 1e6 for zone, _ in self._zones]
        except (OSError, ValueError):
            self._zones = []  # only root may read them, on most machines
            return None
        times = psutil.cpu_times()
        return counters, sum(getattr(times, name, 0.0) for name in BUSY)


def _zones(root: Path) -> list[tuple[Path, float]]:
    """Packages, and the memory beside them, with where their counters begin anew.  Their other parts are counted in them."""
    found = []
    for zone in sorted(root.glob("intel-rapl:*")):  # on AMD as well
        with contextlib.suppress(OSError, ValueError):
            if (zone / "name").read_text().strip().startswith(("package", "dram")):
                found.append((zone, int((zone / "max_energy_range_uj").read_text()) / 1e6))
    return found


def _grown(before: float, now: float, most: float) -> float:
    return now - before if now >= before else now + most - before


class GpuMeter:
    """What GPUs have used since the driver was loaded."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._tried = False

    def read_j(self, indexes: Sequence[int]) -> float | None:
        """The sum over these GPUs; None when one of them does not count, as those before Volta."""
        nvml = self._open()
        if nvml is None:
            return None
        with contextlib.suppress(Exception):  # a broken driver is a machine that does not count
            handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in indexes]
            return sum(float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3 for handle in handles)
        return None

    def _open(self) -> Any:
        if not self._tried:
            self._tried = True
            with contextlib.suppress(Exception):
                import pynvml

                pynvml.nvmlInit()
                self._nvml = pynvml
        return self._nvml
