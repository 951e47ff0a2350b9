"""Files to the server in chunks: what it has already is not sent again, even after a kill of this process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from tensorfleet.errors import InvalidInput, NotFound, StorageFull, TensorFleetError
from tensorfleet.sdk.aio.ground import apart
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.pending import Memo, Slice, Upload
from tensorfleet.sdk.progress import Progress


async def upload_file(
    transport: AsyncTransport, path: Path, progress: Progress | None = None, *, resumable: bool = True
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
    upload = (await _begun(transport, memo) if resumable else None) or await _start(transport)
    if resumable:
        memo.save(upload)
    with path.open("rb") as file:
        try:
            done = await _send_chunks(transport, upload, file, before.st_size, progress)
        except StorageFull:
            await _give_up(transport, upload, memo)
            raise
    after = path.stat()
    if (done, after.st_size, after.st_mtime_ns) != (before.st_size, before.st_size, before.st_mtime_ns):
        await _give_up(transport, upload, memo)
        raise InvalidInput(f"{path} changed while it was sent; send it again when nothing writes to it")
    return upload.id


def forget_upload(transport: AsyncTransport, path: Path) -> None:
    """Drops the note that lets an upload of `path` go on later; called once it is committed."""
    _memo(transport, path).forget()


def _memo(transport: AsyncTransport, path: Path) -> Memo:
    return Memo(transport.address.home, transport.address.url, path, path.stat())


async def _begun(transport: AsyncTransport, memo: Memo) -> Upload | None:
    """The upload that was begun earlier, with what the server has of it."""
    noted = memo.read()
    if noted is None:
        return None
    try:
        answer = await transport.call("GET", segments("uploads", noted[0]))
    except NotFound:
        return None
    return Upload.checked(*noted, answer["chunks"])


async def _start(transport: AsyncTransport) -> Upload:
    answer = await transport.call("POST", "/uploads")
    return Upload.checked(str(answer["upload_id"]), int(answer["chunk_bytes"]))


async def _give_up(transport: AsyncTransport, upload: Upload, memo: Memo) -> None:
    """Frees what the upload holds on the server."""
    memo.forget()
    with contextlib.suppress(TensorFleetError):
        await transport.call("DELETE", segments("uploads", upload.id))


async def _send_chunks(
    transport: AsyncTransport, upload: Upload, file: BinaryIO, total: int, progress: Progress | None
) -> int:
    done = 0
    for index in range(-(-total // upload.chunk_bytes)):
        piece = Slice(file.fileno(), index * upload.chunk_bytes, upload.chunk_bytes)
        digest, length = await apart(piece.sha256)
        if upload.chunks.get(index) != digest:
            headers = {
                "X-Content-SHA256": digest,
                "Content-Type": "application/octet-stream",
                "Content-Length": str(length),
            }
            path = segments("uploads", upload.id, "chunks", index)
            await transport.call("PUT", path, content=_Body(piece), headers=headers)
        done += length
        if progress is not None:
            progress(done, total)
    return done


class _Body:
    """A part of a file as a request sends it, as often as it has to."""

    def __init__(self, piece: Slice) -> None:
        self._piece = piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        blocks = self._piece.blocks()
        while block := await apart(next, blocks, b""):
            yield block
