"""What tasks use: CPU time of all their processes, and energy, measured where the machine can, else estimated."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.agent.meters import CpuMeter, GpuMeter
from tensorfleet.kit.energy import estimated_j
from tensorfleet.kit.ticks import until_next_tick

if TYPE_CHECKING:
    from tensorfleet.agent.memory import TaskMemory
    from tensorfleet.agent.spool import SpooledTask

LOOK_S = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class TaskUsage:
    """What is known of one task so far.  `gpus` are its own while it lasts."""

    gpus: Sequence[int] = ()
    cpu_s: float = 0.0
    cpu_j: float | None = None
    """Measured, for the `cpu_s` so far; None while nothing was."""
    gpu_j_before: float | None = None


class UsageWatch:
    """One per agent; `tasks` are the spool's."""

    def __init__(
        self, tasks: Mapping[int, SpooledTask], cpu: CpuMeter | None = None, gpu: GpuMeter | None = None
    ) -> None:
        self._tasks = tasks
        self._cpu = cpu or CpuMeter()
        self._gpu = gpu or GpuMeter()

    async def run(self) -> None:
        while True:
            self.look()
            await until_next_tick(LOOK_S)

    def begin(self, gpus: Sequence[int]) -> TaskUsage:
        return TaskUsage(gpus, gpu_j_before=self._gpu.read_j(gpus) if gpus else None)

    def look(self) -> None:
        more = {
            task.lease: (task.usage, max(0.0, cpu_time_s(task.memory.family) - task.usage.cpu_s))
            for task in self._tasks.values()
            if task.running
        }
        self._cpu.look(sum(used_s for _, used_s in more.values()))
        for usage, used_s in more.values():
            self._add(usage, used_s)

    def _add(self, usage: TaskUsage, used_s: float) -> None:
        usage.cpu_s += used_s
        rate = self._cpu.joules_per_busy_s
        if rate is not None:
            usage.cpu_j = (usage.cpu_j or 0.0) + used_s * rate

    def finish(self, usage: TaskUsage, memory: TaskMemory, cpu_s: float | None) -> dict[str, Any]:
        """What the orchestrator is told: `{"cpu_s", "energy_j", "energy_how"}`.

        Args:
            cpu_s: as the system counted it for the task and those that it waited for; None when nobody saw it go.
        """
        self._add(usage, max(0.0, (cpu_s or 0.0) - usage.cpu_s))
        points = memory.curve.points
        held_bytes = sum(used for _, used in points) / len(points) if points else 0.0
        energy_j, how = usage.cpu_j, "measured"
        if energy_j is None:
            ran_s = time.monotonic() - memory.began if points else 0.0
            energy_j, how = estimated_j(usage.cpu_s, held_bytes, ran_s), "estimated"
        gpu_j = self._gpu_energy(usage)
        if gpu_j is not None:
            energy_j, how = energy_j + gpu_j, "measured" if how == "measured" else "mixed"
        elif usage.gpus:
            how = "estimated"
        return {"cpu_s": round(usage.cpu_s, 3), "energy_j": round(energy_j, 3), "energy_how": how}

    def _gpu_energy(self, usage: TaskUsage) -> float | None:
        if usage.gpu_j_before is None:
            return None
        now = self._gpu.read_j(usage.gpus)
        return None if now is None else max(0.0, now - usage.gpu_j_before)


def cpu_time_s(family: Sequence[int]) -> float:
    """What these processes have used, with those that they started and waited for."""
    ticks = 0
    for pid in family:
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            ticks += sum(map(int, file.read().rpartition(b")")[2].split()[11:15]))
    return ticks / _TICKS
