from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from tensorfleet.kit.conditional import names, tagged


async def ask(data: Any, known: str | None = None, etag: str | None = None) -> httpx.Response:
    app = FastAPI()

    @app.get("/")
    async def read(request: Request) -> Response:
        return tagged(request, data, etag)

    headers = {} if known is None else {"If-None-Match": known}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get("/", headers=headers)


async def test_who_has_it_gets_it_no_second_time() -> None:
    first = await ask({"status": "running"})
    assert (first.status_code, first.json()) == (200, {"status": "running"})
    again = await ask({"status": "running"}, first.headers["etag"])
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    changed = await ask({"status": "completed"}, first.headers["etag"])
    assert (changed.status_code, changed.json()) == (200, {"status": "completed"})
    assert changed.headers["etag"] != first.headers["etag"]


async def test_an_etag_of_its_own() -> None:
    assert (await ask({"version": 2}, etag='"version-2"')).headers["etag"] == '"version-2"'
    assert (await ask({"version": 2}, '"version-2"', '"version-2"')).status_code == 304


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a" , "c"', "*", " * "])
def test_headers_that_name_it(header: str) -> None:
    assert names(header, '"a"')


@pytest.mark.parametrize("header", ["", "a", '"A"', '"ab"', "a*", '"b", "c"', "W/a"])
def test_headers_that_do_not(header: str) -> None:
    assert not names(header, '"a"')
