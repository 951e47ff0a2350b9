"""Datasets and uploads over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError, Future
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from tensorfleet.datasets.model import Format, Version, parse_reference
from tensorfleet.datasets.preview import MOST_COLUMNS, MOST_OFFSET, MOST_ROWS
from tensorfleet.datasets.schemas import (
    ChunkRead,
    DatasetCreate,
    DatasetPage,
    DatasetRead,
    RowsRead,
    UploadCreated,
    UploadRead,
    VersionFromUpload,
    VersionPage,
    VersionRead,
)
from tensorfleet.datasets.service import DatasetService
from tensorfleet.errors import InvalidInput, TooLarge, Unavailable
from tensorfleet.kit.answers import RANGE, answers, file_of
from tensorfleet.kit.conditional import NOT_MODIFIED, tagged
from tensorfleet.kit.ranges import parse_range
from tensorfleet.objects.blobs import CHUNK_BYTES

_PIECE_BYTES = 1024**2
_MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
MOST_CHUNKS = 2**31
_SHA256 = "^[0-9A-Fa-f]{64}$"
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
Workspace = Annotated[str, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=1000)]
VersionCursor = Annotated[int | None, Query(ge=1, le=2**31)]
SortByName = Annotated[Literal["name", "-name"], Query()]
Prefix = Annotated[str, Query(max_length=100, description="only names that begin so")]
UploadId = Annotated[str, Path(description="as POST /uploads gave it", examples=["u-1m7y1egzxd1dnwfn"])]


def build_router(service: DatasetService) -> APIRouter:
    """The routes `/datasets` and `/uploads`."""
    router = APIRouter(tags=["datasets"])
    _add_datasets(router, service)
    _add_new_versions(router, service)
    _add_versions(router, service)
    _add_uploads(router, service)
    return router


def _add_datasets(router: APIRouter, service: DatasetService) -> None:
    @router.post("/datasets", status_code=201, responses={409: {}})
    async def create_dataset(body: DatasetCreate, workspace: Workspace = "default") -> DatasetRead:
        """Adds an empty dataset."""
        return DatasetRead.model_validate(service.create(body.name, body.description, workspace))

    @router.get("/datasets")
    async def list_datasets(
        limit: Limit = 100,
        cursor: Annotated[str, Query(max_length=100)] = "",
        sort: SortByName = "name",
        prefix: Prefix = "",
        workspace: Workspace = "default",
    ) -> DatasetPage:
        """Datasets by name."""
        descending = sort.startswith("-")
        found = service.list(workspace, cursor, limit + 1, prefix=prefix, descending=descending)
        more = found[limit - 1].name if len(found) > limit else None
        return DatasetPage(
            items=[DatasetRead.model_validate(item) for item in found[:limit]], next_cursor=more
        )

    @router.get("/datasets/{name}", responses=answers(DatasetRead) | NOT_MODIFIED)
    async def get_dataset(request: Request, name: str, workspace: Workspace = "default") -> Response:
        """A dataset, with the number of its latest version."""
        found = DatasetRead.model_validate(service.get(name, workspace))
        return tagged(request, found.model_dump(mode="json"))

    @router.delete("/datasets/{name}", status_code=204)
    async def delete_dataset(name: str, workspace: Workspace = "default") -> None:
        """Removes a dataset with all versions, and their files unless another one has the same content."""
        await asyncio.to_thread(service.delete, name, workspace)


def _add_new_versions(router: APIRouter, service: DatasetService) -> None:
    @router.post(
        "/datasets/{name}/versions",
        status_code=201,
        responses={
            200: {"model": VersionRead, "description": "The dataset has this content already"},
            409: {},
        },
        openapi_extra={"requestBody": {"required": True, "content": _version_bodies()}},
    )
    async def add_version(
        name: str,
        request: Request,
        response: Response,
        format: Format | None = None,  # noqa: A002 - its name in the URL
        target: Annotated[str | None, Query(max_length=300)] = None,
        source: Annotated[str | None, Query(max_length=1000)] = None,
        workspace: Workspace = "default",
    ) -> VersionRead:
        """Adds a file as the next version: the file itself as the body, of any size, or an upload in chunks."""
        if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
            body = await _json_body(request)
            named: dict[str, Any] = {
                "target": body.target or target,
                "source": source,
                "workspace": workspace,
            }
            upload = (name, body.upload_id, body.format or format)
            version, is_new = await asyncio.to_thread(service.commit_upload, *upload, **named)
        else:
            service.check_size(int(request.headers.get("content-length", 0)))
            named = {"target": target, "source": source, "workspace": workspace}
            pieces = _Pieces(request.stream())
            try:
                version, is_new = await asyncio.to_thread(service.add_version, name, pieces, format, **named)
            finally:
                pieces.stop()
        response.status_code = 201 if is_new else 200
        return VersionRead.model_validate(version)


def _add_versions(router: APIRouter, service: DatasetService) -> None:
    @router.get("/datasets/{name}/versions")
    async def list_dataset_versions(
        name: str, limit: Limit = 100, cursor: VersionCursor = None, workspace: Workspace = "default"
    ) -> VersionPage:
        """The versions of a dataset, newest first."""
        found = service.versions(name, workspace, cursor, limit + 1)
        more = str(found[limit - 1].version) if len(found) > limit else None
        return VersionPage(
            items=[VersionRead.model_validate(item) for item in found[:limit]], next_cursor=more
        )

    @router.get("/datasets/{name}/versions/{version}", responses=answers(VersionRead) | NOT_MODIFIED)
    async def get_dataset_version(
        request: Request, name: str, version: str, workspace: Workspace = "default"
    ) -> Response:
        """A version by its number, or the `latest`."""
        found = VersionRead.model_validate(await _resolve(service, f"{name}@{version}", workspace))
        return tagged(request, found.model_dump(mode="json"))

    @router.get("/datasets/{name}/versions/{version}/rows", responses=answers(RowsRead) | NOT_MODIFIED)
    async def dataset_rows(
        request: Request,
        name: str,
        version: str,
        offset: Annotated[int, Query(ge=0, le=MOST_OFFSET)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
        workspace: Workspace = "default",
    ) -> Response:
        """Some rows of a version, of its first 200 columns; long texts are cut."""
        found = await _resolve(service, f"{name}@{version}", workspace)
        rows = await asyncio.to_thread(service.rows, found, offset, limit)
        columns = [column.name for column in found.columns[:MOST_COLUMNS]]
        answer = RowsRead(columns=columns, rows=[list(row) for row in rows], offset=offset, total=found.rows)
        return tagged(request, answer.model_dump(mode="json"))

    @router.get(
        "/datasets/{name}/versions/{version}/download",
        response_class=StreamingResponse,
        responses=file_of("text/csv", "application/vnd.apache.parquet"),
        openapi_extra={"parameters": [RANGE]},
    )
    async def download_dataset_version(
        name: str, version: str, request: Request, workspace: Workspace = "default"
    ) -> Response:
        """The file of a version."""
        return download_response(service, await _resolve(service, f"{name}@{version}", workspace), request)


def _add_uploads(router: APIRouter, service: DatasetService) -> None:
    @router.post("/uploads", status_code=201)
    async def begin_upload() -> UploadCreated:
        """Begins an upload in chunks."""
        return UploadCreated(
            upload_id=await asyncio.to_thread(service.uploads.begin), chunk_bytes=CHUNK_BYTES
        )

    @router.put(
        "/uploads/{upload_id}/chunks/{index}",
        responses={409: {}},
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}},
    )
    async def put_chunk(
        upload_id: UploadId,
        index: Annotated[int, Path(ge=0, le=MOST_CHUNKS)],
        request: Request,
        x_content_sha256: Annotated[str | None, Header(json_schema_extra={"pattern": _SHA256})] = None,
    ) -> ChunkRead:
        """One chunk of an upload; they come in any order, and may come twice."""
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > CHUNK_BYTES:
                raise TooLarge(
                    f"chunk {index} is longer than {CHUNK_BYTES} bytes; send it in chunks of that size"
                )
        put = service.uploads.put_chunk
        sha = await asyncio.to_thread(put, upload_id, index, bytes(data), x_content_sha256)
        return ChunkRead(index=index, sha256=sha)

    @router.get("/uploads/{upload_id}")
    async def get_upload(upload_id: UploadId) -> UploadRead:
        """Which chunks of an upload have come."""
        chunks = await asyncio.to_thread(service.uploads.chunks, upload_id)
        return UploadRead(upload_id=upload_id, chunk_bytes=CHUNK_BYTES, chunks=chunks)

    @router.delete("/uploads/{upload_id}", status_code=204)
    async def abort_upload(upload_id: UploadId) -> None:
        """Gives an upload up."""
        await asyncio.to_thread(service.uploads.abort, upload_id)


def _version_bodies() -> dict[str, Any]:
    return {
        **dict.fromkeys(_MEDIA_TYPES.values(), _BINARY),
        "application/json": {"schema": VersionFromUpload.model_json_schema()},
    }


def download_response(service: DatasetService, version: Version, request: Request) -> Response:
    """The version's file, or the range that is asked for, streamed."""
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{version.name}-v{version.version}.{version.format}"',
        "ETag": f'"{version.digest}"',
    }
    wanted = request.headers.get("range")
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        wanted = None
    try:
        part = parse_range(wanted, version.bytes)
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{version.bytes}"})
    start, end = part or (0, version.bytes)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{version.bytes}"
    return StreamingResponse(
        service.open(version, start, end),
        status_code=200 if part is None else 206,
        media_type=_MEDIA_TYPES[version.format],
        headers=headers,
    )


async def _resolve(service: DatasetService, reference: str, workspace: str) -> Version:
    parse_reference(reference)
    return await asyncio.to_thread(service.resolve, reference, workspace)


async def _json_body(request: Request) -> VersionFromUpload:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _PIECE_BYTES:
            raise TooLarge("the JSON body is too long; send the data itself as text/csv, or through /uploads")
    try:
        return VersionFromUpload.model_validate_json(bytes(data))
    except ValueError as error:
        raise InvalidInput('the JSON body must be {"upload_id", "format", "target"}') from error


class _Pieces(Iterator[bytes]):
    """A request's body for a worker thread, in pieces of about 1 MiB; the network waits for the thread."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stream = stream
        self._pending: Future[bytes] | None = None
        self._stopped = False

    def __next__(self) -> bytes:
        if self._stopped:
            raise Unavailable("the upload was ended before its end; send it again")
        self._pending = asyncio.run_coroutine_threadsafe(self._gather(), self._loop)
        try:
            piece = self._pending.result()
        except (CancelledError, ClientDisconnect) as error:
            raise Unavailable("the connection was lost during the upload; send it again") from error
        if not piece:
            raise StopIteration
        return piece

    def stop(self) -> None:
        """Lets the thread go on, with an error, when the request is over before it has read all."""
        self._stopped = True
        if self._pending is not None:
            self._pending.cancel()

    async def _gather(self) -> bytes:
        gathered = bytearray()
        async for piece in self._stream:
            gathered += piece
            if len(gathered) >= _PIECE_BYTES:
                break
        return bytes(gathered)
