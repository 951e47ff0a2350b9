"""Watches the disk: makes room, ends a task that has filled it, and knows when it is low for no task's fault."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from tensorfleet.agent.outcomes import DISK_FULL, filled_disk
from tensorfleet.agent.stats import disk_stats
from tensorfleet.kit.ticks import until_next_tick

if TYPE_CHECKING:
    from tensorfleet.agent.spool import SpooledTask

LOOK_S = 1.0
BLAMED_SHARE = 0.2
"""A task whose files hold more than this share of a disk that is low has filled it."""
log = structlog.get_logger()


class DiskWatch:
    """`low` is what the machine says of its disk: as long as a task is found to be at fault, it is that task that has to go.

    Args:
        folders_of: where a task writes: its own folder, and that of its job.
        make_room: gives back what nobody uses.
        end: ends a task at once.
    """

    def __init__(
        self,
        folder: Path,
        least_bytes: int,
        tasks: Mapping[int, SpooledTask],
        folders_of: Callable[[SpooledTask], Iterable[Path]],
        make_room: Callable[[], Awaitable[None]],
        end: Callable[[SpooledTask], None],
    ) -> None:
        self._folder = folder
        self._least_bytes = least_bytes
        self._tasks = tasks
        self._folders_of = folders_of
        self._make_room = make_room
        self._end = end
        self.low = self._is_low()

    async def run(self) -> None:
        while True:
            self.low = await self._look()
            await until_next_tick(LOOK_S)

    async def _look(self) -> bool:
        if not self._is_low():
            return False
        await self._make_room()
        running = [task for task in self._tasks.values() if task.running]
        used = await asyncio.to_thread(lambda: [self._used(task) for task in running])
        disk = disk_stats(self._folder, self._least_bytes)
        if not disk.get("low_disk"):
            return False
        most = max(used, default=0)
        if most < BLAMED_SHARE * disk["disk_total_bytes"]:
            return True
        task = running[used.index(most)]
        if task.running:
            log.warning("a task has filled the disk and is ended", lease=task.lease, used_bytes=most)
            task.filled_disk = filled_disk(most, disk["disk_total_bytes"])
            self._end(task)
        return False

    def judge(self, task: SpooledTask) -> None:
        """Says of a task that has ended that the full disk which ended it is its own doing, where it is."""
        full = task.outcome.get("class") == "infrastructure" and DISK_FULL in task.outcome["message"]
        if full and not task.filled_disk:
            total = disk_stats(self._folder, self._least_bytes).get("disk_total_bytes", 0)
            used = self._used(task)
            if total and used >= BLAMED_SHARE * total:
                task.filled_disk = filled_disk(used, total)
        if task.filled_disk and task.outcome.get("status") != "succeeded":
            task.outcome = task.filled_disk

    def _used(self, task: SpooledTask) -> int:
        return sum(map(size_of, self._folders_of(task)))

    def _is_low(self) -> bool:
        return bool(disk_stats(self._folder, self._least_bytes).get("low_disk"))


def size_of(folder: Path) -> int:
    """Bytes on disk of all files below; links are not followed, and holes do not count."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_blocks * 512  # noqa: PTH118 - there may be many
            except OSError:
                continue
    return total
