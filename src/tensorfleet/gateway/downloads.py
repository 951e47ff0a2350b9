"""`GET /download/{bucket}/{object}`: what the platform keeps, as files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from tensorfleet.composition import Services
from tensorfleet.errors import InvalidInput, NotFound

BUCKETS = ("models", "checkpoints", "logs", "datasets", "profiles")


class CodeUpload(BaseModel):
    model_config = ConfigDict(extra="forbid")

    upload_id: str


def build_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["files"])

    @router.get("/download/{bucket}/{name:path}", response_model=None)
    async def download(
        bucket: str, name: str, range_: Annotated[str | None, Header(alias="Range")] = None
    ) -> Response:
        if bucket not in BUCKETS:
            raise NotFound(f"there is no bucket '{bucket[:40]}'; there are {', '.join(BUCKETS)}")
        if bucket == "datasets":
            dataset, _, version = name.partition("@")
            return RedirectResponse(
                f"/api/v1/datasets/{dataset}/versions/{version or 'latest'}/download", 307
            )
        if bucket == "logs":
            job_id = name.removesuffix(".txt")
            await asyncio.to_thread(services.jobs.get, job_id)
            log_bytes = await asyncio.to_thread(lambda: sum(map(len, _log_pieces(services, job_id))))
            return ranged(
                log_bytes,
                range_,
                lambda start, end: _cut(_log_pieces(services, job_id), start, end),
                "text/plain; charset=utf-8",
            )
        key = f"{bucket}/{name}"
        size = await asyncio.to_thread(services.objects.size, key)
        if size is None:
            raise NotFound(f"there is no object '{name[:200]}' in {bucket}")
        return ranged(size, range_, lambda start, end: _pieces(services, key, start, end))

    @router.post("/code", status_code=201)
    async def commit_code(body: CodeUpload) -> dict[str, Any]:
        blob = await asyncio.to_thread(services.datasets.uploads.commit, body.upload_id)
        await asyncio.to_thread(services.datasets.uploads.forget, body.upload_id)
        return {"digest": blob.digest, "bytes": blob.bytes}

    return router


def ranged(
    size: int,
    header: str | None,
    read: Callable[[int, int], Iterator[bytes]],
    media_type: str = "application/octet-stream",
) -> Response:
    """A whole file, or the part that one `Range: bytes=...` asks for."""
    start, end, status = 0, size, 200
    headers = {"Accept-Ranges": "bytes"}
    if header is not None:
        match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip())
        if match is None or match.groups() == ("", ""):
            raise InvalidInput(f"Range '{header[:60]}' is not understood; write bytes=START-END")
        first, last = match.groups()
        start, end = (
            (max(0, size - int(last)), size)
            if not first
            else (int(first), min(size, int(last) + 1) if last else size)
        )
        if start >= max(end, 1):
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    return StreamingResponse(read(start, end), status, headers, media_type=media_type)


def _pieces(
    services: Services, key: str, start: int, end: int, piece_bytes: int = 1 << 20
) -> Iterator[bytes]:
    for at in range(start, end, piece_bytes):
        yield services.objects.get_range(key, at, min(end, at + piece_bytes))


def _log_pieces(services: Services, job_id: str) -> Iterator[bytes]:
    after: int | None = 0
    while after is not None:
        entries, after = services.jobs.logs(job_id, after, 200, None)
        yield from (entry["text"].encode() for entry in entries)


def _cut(pieces: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end` of what the pieces are together."""
    at = 0
    for piece in pieces:
        if at >= end:
            return
        if wanted := piece[max(0, start - at) : end - at]:
            yield wanted
        at += len(piece)
