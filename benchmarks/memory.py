"""The most memory that processes have while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import psutil

Key = TypeVar("Key", bound=Hashable)


class PeakMemory(Generic[Key]):
    """The most that each of a family of processes, and whatever they start, has; looked at every 50 ms.

    Args:
        measure: the name under which a process is counted, and its memory in MB; None for one that does not count.
    """

    def __init__(
        self, roots: list[psutil.Process], measure: Callable[[psutil.Process], tuple[Key, float] | None]
    ) -> None:
        self.most: dict[Key, float] = {}
        self._roots = roots
        self._measure = measure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> PeakMemory[Key]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            for root in self._roots:
                for process in [root, *_children(root)]:
                    try:
                        found = self._measure(process)
                    except (psutil.Error, IndexError):
                        continue
                    if found is not None:
                        self.most[found[0]] = max(self.most.get(found[0], 0.0), found[1])


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
