"""Files from the server: streamed, gone on with after a break, whole or not there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import httpx

from tensorfleet.errors import DataInvalid, Unavailable
from tensorfleet.kit.retry import delays
from tensorfleet.sdk.aio.ground import apart
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.local_files import part_of, sha256_of, size_of
from tensorfleet.sdk.progress import Progress


async def download(
    transport: AsyncTransport,
    path: str,
    target: Path,
    *,
    tag: str,
    sha256: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes what `path` serves to `target`; the file appears when it is whole.

    Args:
        tag: names the content, which never changes; a part from an earlier try with this tag is gone on with.
        sha256: checked when given.

    Raises:
        DataInvalid: the content does not have the checksum.
        Unavailable: the connection broke again and again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(target, tag)
    waits = delays(transport.patience_s)
    while True:
        before = size_of(part)
        try:
            await _fetch(transport, path, part, progress)
            break
        except Unavailable:
            if size_of(part) > before:
                waits = delays(transport.patience_s)
            delay = next(waits, None)
            if delay is None:
                raise
        await transport.sleep(delay)
    if sha256 is not None and await apart(sha256_of, part) != sha256:
        part.unlink()
        raise DataInvalid(
            f"{target.name} does not have the checksum that the server names; download it again"
        )
    part.replace(target)
    return target


async def _fetch(transport: AsyncTransport, path: str, part: Path, progress: Progress | None) -> None:
    start = size_of(part)
    headers = {"Range": f"bytes={start}-"} if start else {}
    async with transport.open(path, headers=headers, accepted=(416,)) as response:
        if response.status_code == 416:
            if response.headers.get("Content-Range") != f"bytes */{start}":
                part.unlink(missing_ok=True)
                raise Unavailable(
                    f"{part} was longer than what the server has; it is downloaded from its beginning"
                )
            return
        if response.status_code != 206:
            start = 0
        total = _total(response, start)
        with part.open("r+b" if part.exists() else "wb") as file:
            file.truncate(start)
            file.seek(start)
            async for chunk in response.aiter_bytes():
                file.write(chunk)
                start += len(chunk)
                if progress is not None:
                    progress(start, total or start)
            file.flush()
            await apart(os.fsync, file.fileno())
    if total is not None and start != total:
        raise Unavailable(f"the download ended after {start} of {total} bytes; try again")


def _total(response: httpx.Response, start: int) -> int | None:
    with contextlib.suppress(ValueError):
        return start + int(response.headers.get("Content-Length", ""))
    return None
