"""Parts of files that are sent, and notes of uploads that may have to go on later; nothing here speaks to a server."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorfleet.errors import Internal
from tensorfleet.kit.files import write_atomic

MAX_CHUNK_BYTES = 256 * 1024**2
BLOCK_BYTES = 1024**2


@dataclass(frozen=True)
class Upload:
    """`chunks` are the digests of what the server has, by their index."""

    id: str
    chunk_bytes: int
    chunks: dict[int, str]

    @classmethod
    def checked(cls, upload_id: str, chunk_bytes: int, chunks: dict[str, str] | None = None) -> Upload:
        if not 0 < chunk_bytes <= MAX_CHUNK_BYTES:
            raise Internal(f"the server asks for chunks of {chunk_bytes} bytes")
        return cls(
            upload_id, chunk_bytes, {int(index): str(digest) for index, digest in (chunks or {}).items()}
        )


class Slice:
    """A part of an open file: read anew each time that it is sent, and never held whole.

    A request that carried the bytes would keep them until the garbage collector comes by, which is long after many chunks.
    """

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._end = start + length

    def blocks(self) -> Iterator[bytes]:
        at = self._start
        while at < self._end and (block := os.pread(self._descriptor, min(BLOCK_BYTES, self._end - at), at)):
            at += len(block)
            yield block

    def sha256(self) -> tuple[str, int]:
        """The digest and the length of what is there (less than asked for at the file's end)."""
        digest, length = hashlib.sha256(), 0
        for block in self.blocks():
            digest.update(block)
            length += len(block)
        return digest.hexdigest(), length


class Memo:
    """Remembers in the home which upload belongs to a file, by its path, size and time of change."""

    def __init__(self, home: Path, url: str, path: Path, stat: os.stat_result) -> None:
        identity = (url, str(path.resolve()), stat.st_size, stat.st_mtime_ns)
        name = hashlib.sha256(repr(identity).encode()).hexdigest()[:32]
        self._file = home / "uploads" / f"{name}.json"

    def read(self) -> tuple[str, int] | None:
        """The upload's id and the size of its chunks, if there is a note."""
        try:
            note: dict[str, Any] = json.loads(self._file.read_text())
            return str(note["upload_id"]), int(note["chunk_bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, upload: Upload) -> None:
        note = json.dumps({"upload_id": upload.id, "chunk_bytes": upload.chunk_bytes}).encode()
        # A home that cannot be written costs only the resumption after a kill.
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(self._file, note, mode=0o600)

    def forget(self) -> None:
        with contextlib.suppress(OSError):
            self._file.unlink()
