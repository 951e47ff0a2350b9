"""Where time goes: every moment belongs to one phase, the innermost that is open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

DATA, FORWARD, BACKWARD, COMMUNICATION = "data", "forward", "backward", "communication"
OPTIMISER, SAVING, EVALUATION, OTHER = "optimiser", "saving", "evaluation", "other"
MOST_PHASES = 32
T = TypeVar("T")


class Phases:
    """Adds up seconds by phase.  Time outside all phases is the `base`'s, which is OTHER unless it is settled otherwise."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._open: list[str] = []
        self._base = OTHER
        self.seconds: dict[str, float] = {}
        self._at = clock()

    def reset(self) -> None:
        """Forgets what was added up; what is open stays open."""
        self.seconds = {}
        self._at = self._clock()

    def charge(self, until: float | None = None) -> None:
        """Gives the time that has passed, up to `until` if said, to whose it is."""
        now = self._clock() if until is None else max(until, self._at)
        name = self._open[-1] if self._open else self._base
        if name not in self.seconds and len(self.seconds) >= MOST_PHASES:
            name = OTHER
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._at
        self._at = now

    def enter(self, name: str) -> None:
        self.charge()
        self._open.append(name)

    def leave(self) -> None:
        self.charge()
        if self._open:
            self._open.pop()

    def turn(self, name: str, at: float) -> None:
        """The innermost phase was really another one since `at`."""
        self.charge(at)
        if self._open:
            self._open[-1] = name

    def settle(self, name: str) -> None:
        """What is outside all phases belongs to `name` from now on."""
        self.charge()
        self._base = name

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.enter(name)
        try:
            yield
        finally:
            self.leave()

    def reading(self, items: Iterable[T]) -> Iterator[T]:
        """The items of a training loop; waiting for each of them is DATA, what follows it is FORWARD."""
        source = iter(items)
        while True:
            with self.phase(DATA):
                try:
                    item = next(source)
                except StopIteration:
                    return
                finally:
                    self.settle(OTHER)
            self.settle(FORWARD)
            yield item
