from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tensorfleet.adapters.objectstore import FolderObjectStore
from tensorfleet.datasets.endpoints import build_router
from tensorfleet.datasets.service import DatasetService
from tensorfleet.errors import TensorFleetError
from tensorfleet.objects.blobs import CHUNK_BYTES

CSV = b"x,species\n" + b"".join(b"%d.5,setosa\n%d.25,virginica\n" % (n, n) for n in range(1000))


@pytest.fixture
async def http(service: DatasetService) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(build_router(service))

    @app.exception_handler(TensorFleetError)
    async def answer(_request: Request, error: TensorFleetError) -> JSONResponse:
        return JSONResponse({"code": error.code, "detail": error.detail}, error.http_status)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def upload(
    http: httpx.AsyncClient, name: str = "flowers", data: bytes = CSV, **params: str
) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    headers = {"content-type": "text/csv"}
    return await http.post(f"/datasets/{name}/versions", content=pieces(), params=params, headers=headers)


async def test_a_raw_body_becomes_a_version(http: httpx.AsyncClient) -> None:
    created = await upload(http, format="csv", target="x", source="flowers.csv")
    assert created.status_code == 201
    body = created.json()
    assert (body["version"], body["rows"], body["target"], body["source"]) == (1, 2000, "x", "flowers.csv")
    assert body["columns"][0] == {"name": "x", "type": "number", "missing": 0, "unique": None}
    assert body["created_at"].endswith("Z")
    assert (await upload(http)).status_code == 200
    assert (await http.get("/datasets/flowers/versions/1")).json() == body
    assert (await http.get("/datasets/flowers/versions/latest")).json() == body
    assert (await http.get("/datasets/flowers")).json()["latest_version"] == 1


async def test_rows_are_read_from_any_place(http: httpx.AsyncClient) -> None:
    await upload(http, format="csv")
    asked = "/datasets/flowers/versions/latest/rows"
    found = await http.get(asked, params={"offset": 3, "limit": 2})
    assert found.json() == {
        "columns": ["x", "species"], "rows": [[1.25, "virginica"], [2.5, "setosa"]], "offset": 3, "total": 2000,
    }  # fmt: skip
    again = await http.get(
        asked, params={"offset": 3, "limit": 2}, headers={"If-None-Match": found.headers["etag"]}
    )
    assert again.status_code == 304
    assert (await http.get(asked, params={"offset": 1999})).json()["rows"] == [[999.25, "virginica"]]
    assert (await http.get(asked, params={"offset": 2000})).json()["rows"] == []
    assert (await http.get("/datasets/flowers/versions/7/rows")).status_code == 404
    for wrong in ({"limit": 201}, {"limit": 0}, {"offset": -1}, {"offset": 10**7}):
        assert (await http.get(asked, params=wrong)).status_code == 422


async def test_rows_while_the_files_are_away(http: httpx.AsyncClient, objects: FolderObjectStore) -> None:
    await upload(http, format="csv")
    objects.folder.rename(objects.folder.with_name("elsewhere"))
    answer = await http.get("/datasets/flowers/versions/1/rows")
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"


async def test_lists_have_cursors(http: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        assert (await http.post("/datasets", json={"name": name, "description": "d"})).status_code == 201
    assert (await http.post("/datasets", json={"name": "a"})).status_code == 409
    first = (await http.get("/datasets", params={"limit": 2})).json()
    assert [item["name"] for item in first["items"]] == ["a", "b"]
    second = (await http.get("/datasets", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["name"] for item in second["items"]] == ["c"]
    assert second["next_cursor"] is None
    for extra in (b"", b"3.5,setosa\n"):
        await upload(http, "a", CSV + extra)
    page = (await http.get("/datasets/a/versions", params={"limit": 1})).json()
    assert ([item["version"] for item in page["items"]], page["next_cursor"]) == ([2], "2")
    page = (await http.get("/datasets/a/versions", params={"cursor": page["next_cursor"]})).json()
    assert ([item["version"] for item in page["items"]], page["next_cursor"]) == ([1], None)


@pytest.mark.parametrize(
    ("header", "status", "expected"),
    [
        (None, 200, CSV),
        ("bytes=0-9", 206, CSV[:10]),
        ("bytes=100-", 206, CSV[100:]),
        ("bytes=-5", 206, CSV[-5:]),
        ("bytes=99999999-", 416, b""),
    ],
)
async def test_downloads(http: httpx.AsyncClient, header: str | None, status: int, expected: bytes) -> None:
    await upload(http)
    headers = {} if header is None else {"range": header}
    answer = await http.get("/datasets/flowers/versions/1/download", headers=headers)
    assert (answer.status_code, answer.content) == (status, expected)
    if status == 206:
        start = CSV.index(expected) if header != "bytes=-5" else len(CSV) - 5
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(CSV)}"
    if status == 200:
        assert answer.headers["content-disposition"] == 'attachment; filename="flowers-v1.csv"'
        stale = {"range": "bytes=0-9", "if-range": '"other"'}
        assert (await http.get("/datasets/flowers/versions/1/download", headers=stale)).content == CSV


async def test_what_is_refused(http: httpx.AsyncClient, objects: FolderObjectStore) -> None:
    assert (await upload(http, data=b"a,b\n1\n")).json()["detail"].startswith("line 2:")
    assert (await upload(http, name="a%2F..%2Fb")).status_code in (404, 422)
    assert (await upload(http, name="x" * 10_000)).status_code == 422
    assert (await upload(http, format="xml")).status_code == 422
    large = await http.post("/datasets/x/versions", content=b"x", headers={"content-length": str(10**12)})
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert (await http.get("/datasets/none")).status_code == 404
    assert (await http.get("/datasets/none/versions/x")).status_code == 422
    assert (await http.delete("/datasets/none")).status_code == 404
    assert list(objects.list("")) == []


async def test_a_lost_connection_leaves_nothing(http: httpx.AsyncClient, objects: FolderObjectStore) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield CSV * 100
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await http.post("/datasets/flowers/versions", content=pieces())
    assert list(objects.list("")) == []


async def test_an_upload_in_chunks(http: httpx.AsyncClient) -> None:
    begun = await http.post("/uploads")
    assert (begun.status_code, begun.json()["chunk_bytes"]) == (201, CHUNK_BYTES)
    url = f"/uploads/{begun.json()['upload_id']}"
    sha = hashlib.sha256(CSV).hexdigest()
    put = await http.put(f"{url}/chunks/0", content=CSV, headers={"x-content-sha256": sha})
    assert put.json() == {"index": 0, "sha256": sha}
    assert (
        await http.put(f"{url}/chunks/0", content=b"x", headers={"x-content-sha256": sha})
    ).status_code == 422
    assert (await http.put(f"{url}/chunks/1", content=bytes(CHUNK_BYTES + 1))).status_code == 413
    assert (await http.get(url)).json()["chunks"] == {"0": sha}
    body = {"upload_id": begun.json()["upload_id"], "format": "csv", "target": "species"}
    created = await http.post("/datasets/flowers/versions", json=body)
    assert (created.status_code, created.json()["rows"]) == (201, 2000)
    assert (await http.get(url)).status_code == 404
    assert (await http.post("/datasets/flowers/versions", json={"upload": "x"})).status_code == 422


async def test_an_upload_is_aborted(http: httpx.AsyncClient, objects: FolderObjectStore) -> None:
    url = f"/uploads/{(await http.post('/uploads')).json()['upload_id']}"
    await http.put(f"{url}/chunks/0", content=CSV)
    assert (await http.delete(url)).status_code == 204
    assert list(objects.list("")) == []


async def test_delete(http: httpx.AsyncClient, objects: FolderObjectStore) -> None:
    await upload(http)
    assert (await http.delete("/datasets/flowers")).status_code == 204
    assert (await http.get("/datasets/flowers")).status_code == 404
    assert list(objects.list("")) == []
