"""The API's page and its description, from files that are installed here: nothing is asked of any other machine."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from tensorfleet.gateway.hardening import policy_of
from tensorfleet.kit.conditional import tagged


def add_api_page(app: FastAPI) -> None:
    spec = find_spec("fastapi_offline")  # has Swagger UI; its own code is not needed
    assert spec is not None
    assert spec.origin is not None
    app.mount("/api/docs/files", StaticFiles(directory=Path(spec.origin).parent / "static"))

    @app.get("/api/openapi.json", include_in_schema=False)
    async def description(request: Request) -> Response:
        return tagged(
            request, await asyncio.to_thread(app.openapi)
        )  # made at the first call, which takes a second

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/api/openapi.json",
            title="TensorFleet API",
            swagger_js_url="/api/docs/files/swagger-ui-bundle.js",
            swagger_css_url="/api/docs/files/swagger-ui.css",
            swagger_favicon_url="/api/docs/files/favicon.png",
        )
        page.headers["Content-Security-Policy"] = policy_of(bytes(page.body))
        return page
