"""What a task leaves for the agent that watches it: its pulse, and on a signal the stacks of its threads.

The pulse is 32 bytes in the task's folder, written at each sign of progress.

Layout, little-endian: beats (uint64), at (float64, `time.monotonic()` of the last one, a clock that all processes of a machine
share), step (int64, -1 for none), spare (uint64).  A beat is three stores into mapped memory: no call into the kernel, so that
it can be made in the innermost loop.
"""

from __future__ import annotations

import contextlib
import faulthandler
import mmap
import os
import signal
import struct
import time
from dataclasses import dataclass
from pathlib import Path

PULSE_FILE = "pulse"
STACKS_FILE = "stacks"
STACKS_SIGNAL = getattr(signal, "SIGUSR2", None)
_LAYOUT = struct.Struct("<QdqQ")
_EMPTY = _LAYOUT.pack(0, 0.0, -1, 0)


class Pulse:
    """The writing side.  Several processes of one task may hold it; then each of them keeps the task alive."""

    def __init__(self, task_dir: Path) -> None:
        memory = _mapped(task_dir / PULSE_FILE)
        self._counts = memory.cast("Q")
        self._times = memory.cast("d")
        self._steps = memory.cast("q")

    def beat(self, step: int | None = None) -> None:
        """Says that the task got on; `step` is the last one that is done.  Takes well under a microsecond."""
        if step is not None:
            self._steps[2] = step
        self._times[1] = time.monotonic()
        self._counts[0] += 1


def _mapped(path: Path) -> memoryview:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < _LAYOUT.size:
                # Written, not just made longer: a page without a block behind it would kill the task when the disk is full.
                os.write(descriptor, _EMPTY)
            return memoryview(mmap.mmap(descriptor, _LAYOUT.size))
        finally:
            os.close(descriptor)
    except (OSError, ValueError):
        # A task without a pulse runs all the same; it is watched by other signs.
        return memoryview(bytearray(_EMPTY))


@dataclass(frozen=True)
class Beat:
    """What the reading side sees: how many beats there were, when the last one was (monotonic), and its step."""

    beats: int = 0
    at: float = 0.0
    step: int = -1


def read_pulse(task_dir: Path) -> Beat:
    """The pulse of the task in `task_dir`; no beats at all when there is none yet."""
    try:
        with (task_dir / PULSE_FILE).open("rb") as file:
            beats, at, step, _ = _LAYOUT.unpack(file.read(_LAYOUT.size))
    except (OSError, struct.error):
        return Beat()
    return Beat(beats, at, step)


def answer_stack_dumps(task_dir: Path) -> None:
    """Has this process, and those that it forks, write their threads' stacks into the task's folder on SIGUSR2.

    The handler is written in C and needs no lock, so that it answers also when the interpreter stands still in native code.
    """
    if STACKS_SIGNAL is None or not hasattr(faulthandler, "register"):
        return
    with contextlib.suppress(OSError):
        # Without O_TRUNC, and never closed: the descriptor has to be there when the signal comes.
        descriptor = os.open(
            task_dir / STACKS_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        faulthandler.register(STACKS_SIGNAL, file=descriptor, all_threads=True, chain=False)
