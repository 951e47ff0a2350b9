"""The folders in which jobs of own code run on this machine; each stays a while, for the job's next attempt."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shutil
import time
from pathlib import Path

KEPT_S = 900.0
"""What a job has left is in the object store too: this only saves fetching it again."""
LOOK_S = 60.0
_GONE = ".gone-"


class JobFolders:
    """Folders by job below `root`; one is never taken away while a task of its job is here."""

    def __init__(self, root: Path, kept_s: float = KEPT_S) -> None:
        self._root = root
        self._kept_s = kept_s
        self._used: dict[int, str] = {}
        self._left: dict[str, float] = {}
        """Since when nobody has used a folder; those of an earlier agent count from when they were first seen."""

    def enter(self, lease: int, job_id: str) -> Path:
        """The folder of a job, for a task that is about to start."""
        self._used[lease] = job_id
        self._left.pop(job_id, None)
        return (self._root / job_id).resolve()

    def of(self, lease: int) -> list[Path]:
        """The folder that the task of this lease runs in, if it has one."""
        return [self._root / self._used[lease]] if lease in self._used else []

    def leave(self, lease: int) -> None:
        self._used.pop(lease, None)

    async def run(self) -> None:
        """Takes away what nobody has used for a while."""
        while True:
            await asyncio.to_thread(_remove, self.set_aside(time.monotonic()))
            await asyncio.sleep(LOOK_S)

    async def make_room(self) -> None:
        """Takes away what nobody uses, however lately somebody has."""
        await asyncio.to_thread(_remove, self.set_aside(math.inf))

    def set_aside(self, now: float) -> list[Path]:
        """Renames the folders that are to go, so that a task which starts now begins with a new one; returns them."""
        found: list[Path] = []
        with contextlib.suppress(FileNotFoundError):
            for path in self._root.iterdir():
                if path.name.startswith(_GONE):
                    found.append(path)
                elif path.name not in self._used.values() and self._is_old(path.name, now):
                    gone = path.with_name(f"{_GONE}{path.name}")
                    with contextlib.suppress(OSError):
                        path.rename(gone)
                        found.append(gone)
        return found

    def _is_old(self, job_id: str, now: float) -> bool:
        if now < math.inf and now - self._left.setdefault(job_id, now) <= self._kept_s:
            return False
        self._left.pop(job_id, None)
        return True


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
