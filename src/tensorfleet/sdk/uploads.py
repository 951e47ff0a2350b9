"""Files to the server in chunks: what it has already is not sent again, even after a kill of this process."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tensorfleet.errors import Internal, InvalidInput, NotFound, StorageFull, TensorFleetError
from tensorfleet.kit.files import write_atomic
from tensorfleet.sdk.transport import Transport, segments

Progress = Callable[[int, int], None]
"""Called with the bytes that are done and the bytes in all."""

MAX_CHUNK_BYTES = 256 * 1024**2
BLOCK_BYTES = 1024**2


@dataclass(frozen=True)
class _Upload:
    id: str
    chunk_bytes: int
    chunks: dict[int, str]


def upload_file(
    transport: Transport, path: Path, progress: Progress | None = None, *, resumable: bool = True
) -> str:
    """Sends a file in chunks, never holding one whole, and returns the upload's id, ready to be committed.

    Args:
        resumable: keep a note in the home, so that a later call goes on where a killed one stopped.

    Raises:
        InvalidInput: the file changed while it was read.
        StorageFull: the server has no room for it; what was sent of it is given up.
    """
    before = path.stat()
    memo = _Memo(transport, path, before)
    upload = (memo.find() if resumable else None) or _start(transport)
    if resumable:
        memo.save(upload)
    with path.open("rb") as file:
        try:
            done = _send_chunks(transport, upload, file, before.st_size, progress)
        except StorageFull:
            _give_up(transport, upload, memo)
            raise
    after = path.stat()
    if (done, after.st_size, after.st_mtime_ns) != (before.st_size, before.st_size, before.st_mtime_ns):
        _give_up(transport, upload, memo)
        raise InvalidInput(f"{path} changed while it was sent; send it again when nothing writes to it")
    return upload.id


def forget_upload(transport: Transport, path: Path) -> None:
    """Drops the note that lets an upload of `path` go on later; called once it is committed."""
    _Memo(transport, path, path.stat()).forget()


def _give_up(transport: Transport, upload: _Upload, memo: _Memo) -> None:
    """Frees what the upload holds on the server."""
    memo.forget()
    with contextlib.suppress(TensorFleetError):
        transport.call("DELETE", segments("uploads", upload.id))


def _send_chunks(
    transport: Transport, upload: _Upload, file: BinaryIO, total: int, progress: Progress | None
) -> int:
    done = 0
    for index in range(-(-total // upload.chunk_bytes)):
        piece = _Slice(file.fileno(), index * upload.chunk_bytes, upload.chunk_bytes)
        digest, length = piece.sha256()
        if upload.chunks.get(index) != digest:
            headers = {
                "X-Content-SHA256": digest,
                "Content-Type": "application/octet-stream",
                "Content-Length": str(length),
            }
            transport.call(
                "PUT", segments("uploads", upload.id, "chunks", index), content=piece, headers=headers
            )
        done += length
        if progress is not None:
            progress(done, total)
    return done


class _Slice:
    """A part of an open file as a request's body: read anew each time that it is sent, and never held whole.

    A request that carried the bytes would keep them until the garbage collector comes by, which is long after many chunks.
    """

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._end = start + length

    def __iter__(self) -> Iterator[bytes]:
        at = self._start
        while at < self._end and (block := os.pread(self._descriptor, min(BLOCK_BYTES, self._end - at), at)):
            at += len(block)
            yield block

    def sha256(self) -> tuple[str, int]:
        """The digest and the length of what is there (less than asked for at the file's end)."""
        digest, length = hashlib.sha256(), 0
        for block in self:
            digest.update(block)
            length += len(block)
        return digest.hexdigest(), length


def _start(transport: Transport) -> _Upload:
    answer = transport.call("POST", "/uploads")
    return _checked(str(answer["upload_id"]), int(answer["chunk_bytes"]), {})


def _checked(upload_id: str, chunk_bytes: int, chunks: dict[int, str]) -> _Upload:
    if not 0 < chunk_bytes <= MAX_CHUNK_BYTES:
        raise Internal(f"the server asks for chunks of {chunk_bytes} bytes")
    return _Upload(upload_id, chunk_bytes, chunks)


class _Memo:
    """Remembers in the home which upload belongs to a file, by its path, size and time of change."""

    def __init__(self, transport: Transport, path: Path, stat: os.stat_result) -> None:
        self._transport = transport
        identity = (transport.address.url, str(path.resolve()), stat.st_size, stat.st_mtime_ns)
        name = hashlib.sha256(repr(identity).encode()).hexdigest()[:32]
        self._file = transport.address.home / "uploads" / f"{name}.json"

    def find(self) -> _Upload | None:
        try:
            note: dict[str, Any] = json.loads(self._file.read_text())
            upload_id, chunk_bytes = str(note["upload_id"]), int(note["chunk_bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        try:
            chunks = self._transport.call("GET", segments("uploads", upload_id))["chunks"]
        except NotFound:
            return None
        return _checked(upload_id, chunk_bytes, {int(index): str(digest) for index, digest in chunks.items()})

    def save(self, upload: _Upload) -> None:
        note = json.dumps({"upload_id": upload.id, "chunk_bytes": upload.chunk_bytes}).encode()
        with contextlib.suppress(
            OSError
        ):  # a home that cannot be written costs only the resumption after a kill
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(self._file, note, mode=0o600)

    def forget(self) -> None:
        with contextlib.suppress(OSError):
            self._file.unlink()
