"""LightGBM's ranks add up their counts through the meeting of the job's ranks, instead of over sockets of the library's own.

Those listen on all interfaces, and take in whoever comes and names a rank.  Where all ranks are on one machine none is opened:
the library calls two functions of ours instead (`LGBM_NetworkInitWithFunctions` of its C API), and the meeting is on loopback,
among ranks that have proved who they are.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, NoReturn, TypeVar

from lightgbm.basic import _LIB

from tensorfleet.errors import Internal
from tensorfleet.training.meeting import Meeting

_Size = ctypes.c_int32
_Sizes = ctypes.POINTER(_Size)
_REDUCE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, _Size)
"""Adds an array to another: from, to, bytes of an element, bytes of the array."""
_REDUCE_SCATTER = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, _Size, ctypes.c_int, _Sizes, _Sizes, ctypes.c_int, ctypes.c_void_p, _Size, ctypes.POINTER(_REDUCE)
)  # fmt: skip
_ALLGATHER = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, _Size, _Sizes, _Sizes, ctypes.c_int, ctypes.c_void_p, _Size
)
_Result = TypeVar("_Result")


def through(meeting: Meeting, work: Callable[[], _Result]) -> _Result:
    """Runs `work`, in which LightGBM's ranks speak with each other through the meeting; what it raises is raised.

    It runs in a thread of its own, as an error cannot leave a function that the library has called: the thread then stays where
    it is, inside the library, until the process ends, and the error is raised here.

    Raises:
        Unavailable: another rank has gone.
    """
    ended: SimpleQueue[tuple[_Result | None, BaseException | None]] = SimpleQueue()

    def fail(error: BaseException) -> NoReturn:
        ended.put((None, error))
        while True:
            threading.Event().wait()

    def run() -> None:
        try:
            with _network(meeting, fail):
                found = work()
        except BaseException as error:  # SystemExit among them: it is for the one who asked
            ended.put((None, error))
        else:
            ended.put((found, None))

    threading.Thread(target=run, name="lightgbm", daemon=True).start()
    found, error = ended.get()
    if error is not None:
        raise error
    return found  # type: ignore[return-value]


@contextmanager
def _network(meeting: Meeting, fail: Callable[[BaseException], NoReturn]) -> Iterator[None]:
    """For the calling thread: the library keeps its network by thread."""
    functions = _Functions(meeting, fail)
    reduce_scatter, allgather = _REDUCE_SCATTER(functions.reduce_scatter), _ALLGATHER(functions.allgather)
    if _LIB.LGBM_NetworkInitWithFunctions(meeting.world_size, meeting.rank, reduce_scatter, allgather):
        raise Internal("LightGBM does not take functions for its network")
    try:
        yield
    finally:
        _LIB.LGBM_NetworkFree()


class _Functions:
    """What the library calls; blocks of the ranks lie one after the other, `lengths` bytes each, from `starts` on."""

    def __init__(self, meeting: Meeting, fail: Callable[[BaseException], NoReturn]) -> None:
        self._meeting = meeting
        self._fail = fail

    def reduce_scatter(
        self, given: int, count: int, width: int, starts: Any, lengths: Any, blocks: int, to: int, _room: int, add: Any
    ) -> None:  # fmt: skip
        """Leaves this rank's block of the sum of what all ranks give."""
        try:
            said = self._meeting.gather(ctypes.string_at(given, count))
            parts = None
            if said is not None:
                total = ctypes.create_string_buffer(said[0], count)
                for other in said[1:]:
                    add[0](_address_of(other), ctypes.addressof(total), width, count)
                parts = [total.raw[starts[rank] : starts[rank] + lengths[rank]] for rank in range(blocks)]
            mine = self._meeting.scatter(parts)
            ctypes.memmove(to, mine, len(mine))
        except BaseException as error:
            self._fail(error)

    def allgather(
        self, given: int, count: int, starts: Any, _lengths: Any, _blocks: int, to: int, _room: int
    ) -> None:
        """Leaves the blocks of all ranks; `given` is this rank's."""
        try:
            said = self._meeting.gather(ctypes.string_at(given, count))
            found = self._meeting.broadcast(None if said is None else b"".join(said))
            ctypes.memmove(to + starts[0], found, len(found))
        except BaseException as error:
            self._fail(error)


def _address_of(data: bytes) -> int | None:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
