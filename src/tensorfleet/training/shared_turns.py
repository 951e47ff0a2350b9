"""How the ranks of one machine wait for each other: a few words of shared memory, and the kernel's futex to sleep on.

Each rank has a line of its own that nobody else writes: the number of its turn, and what it says with it.  Ranks have met when
all lines show the turn.

Memory order.  A word is one aligned 4-byte store.  Before it is stored, and after it was read, a fence is needed, so that
gradients written before are seen before; plain stores give that on x86 but not on ARM.  The fence used here is the system call
futex(FUTEX_WAKE), which begins with a full barrier on every architecture: that is how the kernel itself orders "store the word,
then look for sleepers".
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import select
import time
from collections.abc import Sequence

from tensorfleet.errors import Unavailable

_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine())
_WAIT, _WAKE, _EVERYBODY = 0, 1, 2**31 - 1
_LINE_BYTES = 128  # what two neighbours never share, with the prefetching of pairs
_LINE = _LINE_BYTES // 4
_TURN, _SAID, _LOST, _SAID_SLOTS = 0, 1, 3, 2
_SPIN_S = 0.002
_LOOKS = 20
_LATELY = 1 / 8
"""The weight of the last wait in what is usual."""
_NAP_S = 0.2
GONE_GRACE_S = 3.0
"""Between the end of a rank and the error on the others; a platform ends them all within a second, and knows why."""


def supported() -> bool:
    """Whether this system has what ranks need to meet."""
    return _FUTEX is not None and hasattr(os, "memfd_create") and hasattr(os, "pidfd_open")


def bytes_for(world_size: int) -> int:
    """How much memory the lines of so many ranks take."""
    return world_size * _LINE_BYTES


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class Turns:
    """One rank's place.  Not for several threads at once.

    Args:
        memory: the lines of all ranks, zero at the beginning, mapped by all of them.
        pids: the ranks' processes, in the order of the ranks.
        limit_s: how long to wait for the others at most.
    """

    def __init__(self, memory: mmap.mmap, rank: int, pids: Sequence[int], limit_s: float) -> None:
        self._rank, self._size, self._limit_s = rank, len(pids), limit_s
        self._words = memoryview(memory).cast("I")
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self._others = [other for other in range(self._size) if other != rank]
        self._turn = 0
        # More ranks than cores: who spins keeps the one that it waits for from running.
        self._spin_s = _SPIN_S if self._size <= (os.cpu_count() or 1) else 0.0
        self._usual_s = 0.0  # how long it waits, of late
        self._processes = {other: os.pidfd_open(pids[other]) for other in self._others}
        self._syscall = ctypes.CDLL(
            None, use_errno=True
        ).syscall  # lets other threads of Python run meanwhile
        self._syscall.argtypes = [ctypes.c_long] * 3 + [ctypes.c_long, ctypes.c_void_p, ctypes.c_long, ctypes.c_long]  # fmt: skip
        self._syscall.restype = ctypes.c_long

    def __del__(self) -> None:
        for descriptor in getattr(self, "_processes", {}).values():
            os.close(descriptor)

    def meet(self, said: int = 0) -> list[int]:
        """Returns when all ranks are here, with what each of them says; what they wrote to shared memory before can be read.

        Raises:
            Unavailable: a rank has ended, has given up, or did not come in time.
        """
        self._turn = (self._turn + 1) % 2**32
        # Two places by turns: a quick rank may say its next word while a slow one still reads this one, but not the one after.
        slot = _SAID + self._turn % _SAID_SLOTS
        mine = self._rank * _LINE
        self._words[mine + slot] = said
        self._fence(mine)
        self._words[mine + _TURN] = self._turn
        self._fence(mine)
        for other in self._others:
            if not self._is_here(other):
                self._wait(other)
        self._fence(mine)
        return [self._words[rank * _LINE + slot] for rank in range(self._size)]

    def _is_here(self, rank: int) -> bool:
        return (self._words[rank * _LINE + _TURN] - self._turn) % 2**32 < 2**31

    def _fence(self, word: int) -> None:
        """Wakes who sleeps on the word, and is a full memory barrier."""
        self._syscall(_FUTEX, self._address + 4 * word, _WAKE, _EVERYBODY, None, 0, 0)

    def _wait(self, rank: int) -> None:
        began = time.perf_counter()
        # Spinning is worth it for the last moments.  Who usually waits for longer leaves its core to others at once.
        if not (self._usual_s < self._spin_s and self._seen_within(rank, began + self._spin_s)):
            self._sleep_until_here(rank)
        self._usual_s += (time.perf_counter() - began - self._usual_s) * _LATELY

    def _seen_within(self, rank: int, end: float) -> bool:
        """Looks without sleeping until the rank is here (True) or the time is over."""
        while time.perf_counter() < end:
            for _ in range(_LOOKS):
                if self._is_here(rank):
                    return True
            os.sched_yield()
        return False

    def _sleep_until_here(self, rank: int) -> None:
        """Sleeps, so that it uses no core and looks from outside like any rank that waits for another."""
        word = rank * _LINE + _TURN
        nap = _Timespec(0, int(_NAP_S * 1e9))
        began = time.monotonic()
        gone_at = None
        while True:
            seen = self._words[word]
            if self._is_here(rank):
                return
            # Returns at once if the word is no longer what was seen.
            self._syscall(_FUTEX, self._address + 4 * word, _WAIT, ctypes.c_long(seen), ctypes.addressof(nap), 0, 0)  # fmt: skip
            now = time.monotonic()
            gone = self._gone()
            gone_at = (gone_at or now) if gone is not None else None
            if gone_at is not None and now - gone_at > GONE_GRACE_S:
                self._give_up(f"rank {gone} ended while rank {self._rank} waited for its gradients")
            if (lost := self._lost()) is not None:
                self._give_up(f"rank {lost} has given up waiting for the gradients of another rank")
            if now - began > self._limit_s:
                self._give_up(
                    f"rank {rank} did not bring its gradients within {now - began:.0f} s;"
                    " do all ranks take as many steps?"
                )

    def _give_up(self, why: str) -> None:
        self._words[self._rank * _LINE + _LOST] = 1
        raise Unavailable(why)

    def _lost(self) -> int | None:
        """A rank that has given up."""
        return next((other for other in self._others if self._words[other * _LINE + _LOST]), None)

    def _gone(self) -> int | None:
        """A rank that ended before it came here."""
        poll = select.poll()
        for descriptor in self._processes.values():
            poll.register(descriptor, select.POLLIN)  # readable from the process's end on, reaped or not
        ended = {descriptor for descriptor, _ in poll.poll(0)}
        # In this order: the word of a process that has ended does not change any more.
        gone = [rank for rank, descriptor in self._processes.items() if descriptor in ended]
        return next((rank for rank in gone if not self._is_here(rank)), None)
