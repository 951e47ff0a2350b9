"""One file that a task appends to, followed by byte offset: pieces to send, and the disk under them given back."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tensorfleet.agent.masking import Mask
from tensorfleet.kit.units import format_bytes

CHUNK_BYTES = 256 * 1024
WINDOW_BYTES = 4 * 1024**2
TAIL_BYTES = 64 * 1024
"""The end of a file stays: the last lines tell why a task was killed."""
HOLE_BYTES = 1024**2
CUT = b"\n[the log is longer than its limit; the rest is left out]\n"
_PAGE = 4096
_KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02


@dataclass
class Stream:
    """How far one of a task's files was sent and taken over, in bytes."""

    path: Path
    limit: int
    sent: int = 0
    taken: int = 0
    freed: int = 0
    cut: int = 0
    """How far the disk was given back of what was taken over, and of what is beyond the limit."""
    mask: Mask = field(default_factory=Mask)
    """What a piece must not be cut in."""

    def next_chunk(self, final: bool) -> bytes:
        """The next piece to send: whole lines where there are any; the rest as it is once the task has ended."""
        room = min(CHUNK_BYTES, WINDOW_BYTES - (self.sent - self.taken))
        if self.sent == self.limit + len(CUT):
            return self._left_out() if final else b""
        if room <= 0 or self.sent > self.limit or self.size <= self.sent:
            return b""
        try:
            with self.path.open("rb") as file:
                file.seek(self.sent)
                data = file.read(room)
        except FileNotFoundError:
            return b""
        if self.sent + len(data) > self.limit:
            data = data[: self.limit - self.sent]
            return data[: self.mask.whole(data)].ljust(len(data), b" ") + CUT
        cut = data.rfind(b"\n") + 1
        if cut:
            return data[:cut]
        if final and self.sent + len(data) == self.size:
            return data
        if len(data) == room:
            if self.sent > self.taken:
                return b""  # what is on its way makes room for the whole line
            if line := self._long_line():
                return line
        return data[: self.mask.whole(data)] if final or len(data) == room else b""

    def _long_line(self) -> bytes:
        """The next line as a whole, if the window holds it: half a record says nothing to anybody."""
        with self.path.open("rb") as file:
            file.seek(self.sent)
            line = file.readline(min(WINDOW_BYTES, self.limit - self.sent))
        return line if line.endswith(b"\n") else b""

    def _left_out(self) -> bytes:
        """Follows CUT when no more comes."""
        return f"[{format_bytes(self.size - self.limit)} more were printed and are left out]\n".encode()

    @property
    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def drained(self) -> bool:
        return self.taken >= min(self.size, self.limit)

    def give_back(self) -> None:
        """Frees the disk under what nobody asks for again, so that a task that prints for ever does not fill it.

        The bytes become holes: offsets stay as they are, and the task goes on appending.
        """
        end = self.size - TAIL_BYTES
        self.freed = self._punch(self.freed, min(self.taken, self.limit, end))
        self.cut = self._punch(max(self.cut, self.limit), end)

    def _punch(self, begin: int, end: int) -> int:
        begin, end = -(-begin // _PAGE) * _PAGE, end // _PAGE * _PAGE
        if end - begin < HOLE_BYTES or not sys.platform.startswith("linux"):
            return begin
        descriptor = os.open(self.path, os.O_RDWR)
        try:
            fallocate = ctypes.CDLL(None, use_errno=True).fallocate
            # A file system without holes keeps the bytes; it is not asked for these again.
            fallocate(
                descriptor, _KEEP_SIZE_PUNCH_HOLE, ctypes.c_longlong(begin), ctypes.c_longlong(end - begin)
            )
        finally:
            os.close(descriptor)
        return end
