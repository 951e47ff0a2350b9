# Made of sdk/aio/uploads.py by `make sdk`: change that file. 5fb0b94ce2f2
"""Files to the server in chunks: what it has already is not sent again, even after a kill of this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tensorfleet.errors import InvalidInput, NotFound, StorageFull, TensorFleetError
from tensorfleet.sdk.ground import apart
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.pending import Memo, Slice, Upload
from tensorfleet.sdk.progress import Progress
from tensorfleet.sdk.transport import Transport


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
    memo = _memo(transport, path)
    upload = (_begun(transport, memo) if resumable else None) or _start(transport)
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
    _memo(transport, path).forget()


def _memo(transport: Transport, path: Path) -> Memo:
    return Memo(transport.address.home, transport.address.url, path, path.stat())


def _begun(transport: Transport, memo: Memo) -> Upload | None:
    """The upload that was begun earlier, with what the server has of it."""
    noted = memo.read()
    if noted is None:
        return None
    try:
        answer = transport.call("GET", segments("uploads", noted[0]))
    except NotFound:
        return None
    return Upload.checked(*noted, answer["chunks"])


def _start(transport: Transport) -> Upload:
    answer = transport.call("POST", "/uploads")
    return Upload.checked(str(answer["upload_id"]), int(answer["chunk_bytes"]))


def _give_up(transport: Transport, upload: Upload, memo: Memo) -> None:
    """Frees what the upload holds on the server."""
    memo.forget()
    with contextlib.suppress(TensorFleetError):
        transport.call("DELETE", segments("uploads", upload.id))


def _send_chunks(
    transport: Transport, upload: Upload, file: BinaryIO, total: int, progress: Progress | None
) -> int:
    done = 0
    for index in range(-(-total // upload.chunk_bytes)):
        piece = Slice(file.fileno(), index * upload.chunk_bytes, upload.chunk_bytes)
        digest, length = apart(piece.sha256)
        if upload.chunks.get(index) != digest:
            headers = {
                "X-Content-SHA256": digest,
                "Content-Type": "application/octet-stream",
                "Content-Length": str(length),
            }
            path = segments("uploads", upload.id, "chunks", index)
            transport.call("PUT", path, content=_Body(piece), headers=headers)
        done += length
        if progress is not None:
            progress(done, total)
    return done


class _Body:
    """A part of a file as a request sends it, as often as it has to."""

    def __init__(self, piece: Slice) -> None:
        self._piece = piece

    def __iter__(self) -> Iterator[bytes]:
        blocks = self._piece.blocks()
        while block := apart(next, blocks, b""):
            yield block
