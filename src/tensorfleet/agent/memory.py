"""Watches how much memory tasks hold: keeps a curve of each, and ends one that holds more than it asked for."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from tensorfleet.agent import processes
from tensorfleet.kit.ticks import until_next_tick

if TYPE_CHECKING:
    from tensorfleet.agent.spool import SpooledTask

LOOK_S = 0.25
FAMILY_EVERY = 4
"""Looks between two searches for new processes, and for the system's own kills."""
MOST_POINTS = 60
REMEMBERED_LOOKS = 10
EXACT_SHARE = 0.02
"""Share of a core that exact measuring may take: it walks through all pages of a process."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
log = structlog.get_logger()


class Curve:
    """Memory over time in a few points: each is the highest of its span, and spans double when there are too many."""

    def __init__(self) -> None:
        self.points: list[tuple[float, int]] = []
        self.peak = 0
        self._span = 1
        self._in_span = 0

    def add(self, at_s: float, used: int) -> None:
        self.peak = max(self.peak, used)
        if self._in_span % self._span == 0:
            self.points.append((at_s, used))
            self._in_span = 0
        elif used > self.points[-1][1]:
            self.points[-1] = (at_s, used)
        self._in_span += 1
        if len(self.points) > MOST_POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=False)
            self.points = [max(pair, key=lambda point: point[1]) for pair in pairs]
            self._span *= 2
            self._in_span = 0


@dataclass
class TaskMemory:
    """What is known of one task's memory; `limit` is what it asked for, 0 for nothing in particular."""

    rank: int = 0
    limit: int = 0
    curve: Curve = field(default_factory=Curve)
    over_limit: bool = False
    began: float = field(default_factory=time.monotonic)
    oom_kills: deque[tuple[int, ...]] = field(
        default_factory=lambda: deque([system_kills()], REMEMBERED_LOOKS)
    )
    family: list[int] = field(default_factory=list)
    shared: float = 1.0
    """What of the pages of its processes is really theirs, as last measured."""
    exact_at: float = 0.0

    def killed_by_system(self) -> bool:
        """Whether the system has killed something for want of memory in the last seconds."""
        return any(now > before for now, before in zip(system_kills(), self.oom_kills[0], strict=True))

    def evidence(self, where: str | None) -> dict[str, Any]:
        known = {"rank": self.rank, "limit_bytes": self.limit or None, "peak_bytes": self.curve.peak}
        curve = [[round(at_s, 2), used] for at_s, used in self.curve.points]
        return ({"where": where} if where else {}) | known | {"curve": curve}


class MemoryWatch:
    """One per agent; `tasks` are the spool's."""

    def __init__(self, tasks: Mapping[int, SpooledTask]) -> None:
        self._tasks = tasks
        self._looks = 0

    async def run(self) -> None:
        while True:
            running = [task for task in self._tasks.values() if task.running]
            if running and self._looks % FAMILY_EVERY == 0:
                kills = system_kills()
                for task in running:
                    task.memory.oom_kills.append(kills)
                    task.memory.family = processes.family(task.pid or 0)
            for task in running:
                self._look_at(task)
            self._looks += 1
            await until_next_tick(LOOK_S)

    def _look_at(self, task: SpooledTask) -> None:
        memory, now = task.memory, time.monotonic()
        memory.family = memory.family or processes.family(task.pid or 0)
        used = measured(memory, now)
        memory.curve.add(now - memory.began, used)
        if memory.limit and used > memory.limit and not memory.over_limit:
            memory.over_limit = True
            log.warning("a task is over its memory", lease=task.lease, used=used, limit=memory.limit)
            processes.signal_group(task.pid or 0, signal.SIGKILL)


def measured(memory: TaskMemory, now: float) -> int:
    """Bytes that a task's processes hold together; pages that several of them share count once.

    The kernel tells the resident pages of a process at once, and its share of shared ones after a walk through all of them.
    So the walk is taken only when it can change something: for several processes, or when a limit would be broken.
    """
    resident = sum(map(_resident, memory.family))
    doubtful = len(memory.family) > 1 or 0 < memory.limit < resident * memory.shared
    if doubtful and now >= memory.exact_at and resident:
        began = time.monotonic()
        memory.shared = min(1.0, sum(map(_proportional, memory.family)) / resident)
        memory.exact_at = now + (time.monotonic() - began) / EXACT_SHARE
    return int(resident * memory.shared)


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - four times a second
        return int(file.read().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    with suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def system_kills() -> tuple[int, ...]:
    """How many processes the system has killed for want of memory: on the machine, and in this process's control group."""
    return _counter(Path("/proc/vmstat")), sum(map(_counter, _EVENTS))


def _counter(path: Path) -> int:
    with suppress(OSError, ValueError):
        for line in path.read_bytes().splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0


def _event_files() -> tuple[Path, ...]:
    found = []
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers == "":
                found.append(Path(f"/sys/fs/cgroup{name}/memory.events"))
            elif "memory" in controllers.split(","):
                found.append(Path(f"/sys/fs/cgroup/memory{name}/memory.oom_control"))
    return tuple(path for path in found if path.exists())


_EVENTS = _event_files()
