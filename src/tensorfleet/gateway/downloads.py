"""`GET /download/{bucket}/{object}`: what the platform keeps, as files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from tensorfleet.access.current import the_caller
from tensorfleet.access.model import Permission
from tensorfleet.audit.current import note
from tensorfleet.composition import Services
from tensorfleet.errors import InvalidInput, NotFound
from tensorfleet.gateway.whose import Whose
from tensorfleet.kit.answers import answers, file_of
from tensorfleet.registry.store import SqlRegistryStore

BUCKETS = ("models", "checkpoints", "logs", "datasets", "profiles")


Range = Annotated[str | None, Header(alias="Range", description="bytes=START-END", examples=["bytes=0-99"])]


def check_may_load(bucket: str, name: str, whose: Whose, registered: SqlRegistryStore) -> None:
    """Returns if the caller may have the object: what lies below a job's folder is its job's, and a model also of those
    who have a version of it, which may outlive the job.

    Raises:
        NotFound: it may not, or there is none.
    """
    permission = Permission.MODELS_READ if bucket == "models" else Permission.JOBS_READ
    who = the_caller()
    if permission in who.everywhere:
        return
    of_job = whose.workspace_of(name.split("/")[0].removesuffix(".txt"))
    found = {of_job} if of_job is not None else set()
    if bucket == "models":
        found |= registered.workspaces_of("/".join((bucket, *name.split("/")[:2])))
    if not any(who.may(permission, workspace) for workspace in found):
        raise NotFound(f"there is no object '{name[:200]}' in {bucket}")


class CodeUpload(BaseModel):
    model_config = ConfigDict(extra="forbid")

    upload_id: str = Field(max_length=64, examples=["u-1m7y1egzxd1dnwfn"])


class CodeRead(TypedDict):
    digest: str
    bytes: int


def build_router(services: Services, whose: Whose) -> APIRouter:
    router = APIRouter(tags=["files"])
    registered = SqlRegistryStore(services.database)

    @router.get(
        "/download/{bucket}/{name:path}",
        response_model=None,
        response_class=StreamingResponse,
        responses=file_of("application/octet-stream", "text/plain")
        | {307: {"description": "To the file of a dataset's version"}},
    )
    async def download_object(
        bucket: str,
        name: str,
        range_: Range = None,
        workspace: Annotated[str | None, Query(max_length=100)] = None,
    ) -> Response:
        """What the platform keeps, as files: models, checkpoints, profiles, logs and datasets."""
        if bucket not in BUCKETS:
            raise NotFound(f"there is no bucket '{bucket[:40]}'; there are {', '.join(BUCKETS)}")
        if bucket == "datasets":
            dataset, _, version = name.partition("@")
            where = f"?{urlencode({'workspace': workspace})}" if workspace is not None else ""
            return RedirectResponse(
                f"/api/v1/datasets/{dataset}/versions/{version or 'latest'}/download{where}", 307
            )
        await asyncio.to_thread(check_may_load, bucket, name, whose, registered)
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

    @router.post("/code", status_code=201, responses=answers(CodeRead, 201, 404, 409))
    async def commit_code(body: CodeUpload) -> dict[str, Any]:
        """Makes an upload the code of jobs; its digest goes into the job file."""
        blob = await asyncio.to_thread(services.datasets.uploads.commit, body.upload_id)
        await asyncio.to_thread(services.datasets.uploads.forget, body.upload_id)
        note(target=("code", blob.digest))
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
