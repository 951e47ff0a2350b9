"""Entries on this machine's disk until they are in the chain: one that was begun is there however the process ends.

Each process writes segments of its own, which it holds locked.  One that nobody holds is of a process that died, and is taken
over by whoever finds it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tensorfleet.audit.model import Draft

SEGMENT_BYTES = 256 * 1024
_sync = getattr(os, "fdatasync", os.fsync)


@dataclass
class Segment:
    """A file, and how many of its entries are not in the chain yet."""

    path: Path
    descriptor: int
    open: int = 0
    bytes: int = 0
    full: bool = False


class Spool:
    """Thread-safe.  A line is a draft, or the id of one that came to nothing; of several lines with an id the last one counts."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._current: Segment | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, draft: Draft) -> Segment:
        """Writes a draft: from now on a killed process does not lose it; `sync` does the same for a power cut.

        Raises:
            OSError: the disk does not take it.
        """
        with self._lock:
            segment = self._current or _new_segment(self._folder)
            self._current = segment
            segment.open += 1
            try:
                _write(segment, asdict(draft))
            except OSError:
                segment.open -= 1
                raise
            if segment.bytes >= self._segment_bytes:
                segment.full, self._current = True, None
            return segment

    def rewrite(self, segment: Segment, draft: Draft) -> None:
        """Writes what has become of a draft, behind it.

        Raises:
            OSError: the disk does not take it.
        """
        with self._lock:
            _write(segment, asdict(draft))

    def drop(self, segment: Segment, draft: Draft) -> None:
        """The draft came to nothing that is to be told."""
        with self._lock, suppress(OSError):
            _write(segment, {"dropped": draft.id})
        self.done(segment)

    def sync(self, segment: Segment) -> None:
        """Returns when all that was written before is on the disk, as far as that takes it."""
        with suppress(OSError):
            _sync(segment.descriptor)

    def done(self, segment: Segment) -> None:
        """One of the segment's drafts is in the chain; a full segment of which all are is removed."""
        with self._lock:
            segment.open -= 1
            if segment.full and segment.open == 0:
                _remove(segment.path, segment.descriptor)

    def tidy(self) -> None:
        """Removes what is in the chain: it says in plain words who it was, where the chain has that sealed."""
        with self._lock:
            if self._current is not None and self._current.open == 0:
                _remove(self._current.path, self._current.descriptor)
                self._current = None

    def close(self) -> None:
        """Lets go; what is not in the chain yet stays for the next process."""
        with self._lock:
            if self._current is None:
                return
            if self._current.open == 0:
                _remove(self._current.path, self._current.descriptor)
            else:
                os.close(self._current.descriptor)
            self._current = None

    def leftovers(self) -> Iterator[list[Draft]]:
        """What processes that died have left, a segment at a time; each is removed when the next one is asked for."""
        for path in sorted(self._folder.glob("*.jsonl")):
            descriptor = _take_over(path)
            if descriptor is None:
                continue
            try:
                yield _read(path)
            except BaseException:
                os.close(descriptor)
                raise
            _remove(path, descriptor)


def _new_segment(folder: Path) -> Segment:
    """Locked before it has the name under which others would find it."""
    hidden = folder / f".{secrets.token_hex(8)}"
    descriptor = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    path = hidden.with_name(f"{hidden.name[1:]}.jsonl")
    hidden.rename(path)
    return Segment(path, descriptor)


def _write(segment: Segment, line: dict[str, Any]) -> None:
    # A line feed in front, too: a line that a full disk has cut off ends there, and spoils none of the next.
    data = b"\n" + json.dumps(line, separators=(",", ":")).encode() + b"\n"
    segment.bytes += len(data)
    if os.write(segment.descriptor, data) < len(data):
        raise OSError("the disk is full")


def _take_over(path: Path) -> int | None:
    """The file, locked; None if somebody has it, or it is gone by now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _read(path: Path) -> list[Draft]:
    found: dict[str, Draft] = {}
    for line in path.read_bytes().splitlines():
        try:
            said = json.loads(line)
            if "dropped" in said:
                found.pop(said["dropped"], None)
            else:
                found[said["id"]] = Draft(**said)
        except (ValueError, TypeError, KeyError):
            continue  # a line that was cut off; what it was about had not begun, or has its first line
    return list(found.values())


def _remove(path: Path, descriptor: int) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)
