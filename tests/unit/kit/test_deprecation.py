from __future__ import annotations

from datetime import UTC, datetime

import httpx
from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse

from tensorfleet.kit.deprecation import going


async def test_a_route_that_goes_says_so_in_each_answer() -> None:
    since, sunset = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 7, 1, 12, tzinfo=UTC)
    old, new = APIRouter(**going(since, sunset, "/new")), APIRouter()

    @old.get("/old")
    async def read_old() -> PlainTextResponse:
        return PlainTextResponse("old")

    @old.get("/older")
    async def read_older() -> dict[str, int]:
        return {"a": 1}

    @new.get("/new")
    async def read_new() -> dict[str, int]:
        return {"a": 1}

    app = FastAPI()
    app.include_router(old)
    app.include_router(new)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for path in ("/old", "/older"):
            headers = (await client.get(path)).headers
            assert headers["deprecation"] == "@1798761600"
            assert headers["sunset"] == "Thu, 01 Jul 2027 12:00:00 GMT"
            assert headers["link"] == '</new>; rel="successor-version"'
        assert "deprecation" not in (await client.get("/new")).headers
    paths = app.openapi()["paths"]
    assert [bool(paths[path]["get"].get("deprecated")) for path in ("/old", "/older", "/new")] == [
        True,
        True,
        False,
    ]
