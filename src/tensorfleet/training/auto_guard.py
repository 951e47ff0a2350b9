"""Ends a piece of work from outside: when its time is over, its memory is used up, or the task is asked to stop.

A thread looks ten times a second and interrupts the main thread, which raises `Cut` between two of Python's instructions.
Compiled code is left to its end, which in the libraries' training loops is a tree, a round or an epoch.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tensorfleet.training.session import Session

EVERY_S = 0.1
_SIGNAL = signal.SIGVTALRM
"""Nothing else here uses it."""
_MEMORY_SHARE = 0.9
"""Of what the job asked for; above all of it the agent ends the task."""
_LEFT_BYTES = 256 * 1024**2


class Cut(BaseException):
    """The work was ended.  Not an `Exception`, so that no library takes it for an error of its own.

    Attributes:
        why: the reason; empty when the task was asked to stop.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Guard:
    """Watches what the main thread does within `with guard.limit(...)`; a context manager itself."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._clock = session, clock
        asked = (session.context.spec.get("resources") or {}).get("memory")
        self._most_bytes = int(int(asked) * _MEMORY_SHARE) if asked else None
        self._deadline: tuple[float, str] | None = None
        self._armed = False
        self._why = ""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="auto-guard", daemon=True)
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(_SIGNAL, self._on_signal)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()
        signal.signal(_SIGNAL, self._before)

    def run(self, work: Callable[[], Any], seconds: float | None = None, why: str = "") -> Any:
        """What `work` returns.

        Args:
            seconds: how long it may take.
            why: what is said when it takes longer.

        Raises:
            Cut: it was ended; out of memory too.
        """
        self._deadline = None if seconds is None else (self._clock() + seconds, why)
        try:
            try:
                self._armed = True
                return work()
            finally:
                self._armed = False
        except MemoryError as error:
            raise Cut("memory ran out") from error

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._armed:
            raise Cut(self._why)

    def _watch(self) -> None:
        while not self._done.wait(EVERY_S):
            if not self._armed:
                continue
            self._session.beat()
            found = self._reason()
            if found is not None:
                self._why = found
                # Again and again until it is heard: a library may have swallowed it.
                _thread.interrupt_main(_SIGNAL)

    def _reason(self) -> str | None:
        if self._session.stop.asked:
            return ""
        if self._deadline is not None and self._clock() >= self._deadline[0]:
            return self._deadline[1]
        return self._memory()

    def _memory(self) -> str | None:
        import psutil

        if self._most_bytes is not None and psutil.Process().memory_info().rss > self._most_bytes:
            return f"it needed nearly all of resources.memory, {self._most_bytes / _MEMORY_SHARE / 2**20:.0f} MiB"
        if sys.platform == "linux" and psutil.virtual_memory().available < _LEFT_BYTES:
            return f"less than {_LEFT_BYTES // 2**20} MiB of the machine's memory were left"
        return None
