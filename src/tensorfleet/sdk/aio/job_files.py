"""Files that a job's own code wrote where it ran."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from tensorfleet.errors import NotFound, nearest
from tensorfleet.sdk.aio.downloads import download
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.local_files import inside
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.progress import Progress


async def list_files(transport: AsyncTransport, job_id: str) -> list[dict[str, Any]]:
    return [one async for one in transport.pages(segments("jobs", job_id, "files"))]


async def download_files(
    transport: AsyncTransport,
    job_id: str,
    to: str | Path,
    paths: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """As `AsyncJob.download`; every name is checked before the first file is fetched."""
    wanted = _wanted(await list_files(transport, job_id), job_id, paths)
    folder = Path(to)
    targets = [inside(folder, file["path"]) for file in wanted]
    total, done = sum(int(file["bytes"]) for file in wanted), 0
    for file, target in zip(wanted, targets, strict=True):
        start = done

        def report(count: int, _: int, start: int = start) -> None:
            if progress is not None:
                progress(start + count, total)

        path = segments("jobs", job_id, "files", *file["path"].split("/"))
        await download(transport, path, target, tag=file["sha256"], sha256=file["sha256"], progress=report)
        done += int(file["bytes"])
    return folder


def _wanted(found: list[dict[str, Any]], job_id: str, paths: Collection[str] | None) -> list[dict[str, Any]]:
    known = {file["path"]: file for file in found}
    for path in paths or ():
        if path not in known:
            raise NotFound(f"job {job_id} has kept no file '{path}'; {nearest(path, known)}")
    return found if paths is None else [known[path] for path in dict.fromkeys(paths)]
