"""The web page: files that `make setup-web` built from web/, beside the code and in the wheel."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import Headers
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tensorfleet import __version__

FOLDER = Path(__file__).with_name("web")
PLACES = (
    "jobs", "studies", "workers", "datasets", "models", "pipelines", "endpoints", "monitors", "admin", "settings",
)  # fmt: skip
"""Where in the page one can be: its router knows what is below each (`web/src/lib/paths.ts`)."""
FILES = ("manifest.webmanifest", "sw.js", "icon.svg", "icon-192.png", "icon-512.png")
_SMALLER = (("br", ".br"), ("gzip", ".gz"))
_FOR_EVER = "public, max-age=31536000, immutable"
_NOT_BUILT = f"""TensorFleet {__version__}

The web page is not built; `make setup-web` does that (it needs Node 20 or newer).

The command line:  tensorfleet --help
The API:           /api/docs  (every call but this takes "Authorization: Bearer TOKEN")
How it is:         /health
"""


class BuiltFiles(StaticFiles):
    """Answers with the form of a file that was compressed when it was built, where the browser takes it.

    A name under assets/ changes with what is in it, so that file never changes; the others are asked about each time.
    """

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        path = Path(full_path)
        plain = super().file_response(path, stat_result, scope, status_code)
        headers = {
            "Vary": "Accept-Encoding",
            "Cache-Control": _FOR_EVER if path.parent.name == "assets" else "no-cache",
        }
        accepted = Headers(scope=scope).get("accept-encoding", "")
        for encoding, suffix in _SMALLER:
            smaller = path.with_name(path.name + suffix)
            if encoding in accepted and smaller.is_file():
                answer = super().file_response(smaller, smaller.stat(), scope, status_code)
                headers["Content-Encoding"] = encoding
                headers["Content-Type"] = mimetypes.guess_type(path)[0] or "text/html"
                answer.headers.update(headers)
                return answer
        plain.headers.update(headers)
        return plain


def add_web_page(app: FastAPI, folder: Path = FOLDER) -> None:
    if not (folder / "index.html").is_file():

        @app.get("/", include_in_schema=False)
        async def not_built() -> PlainTextResponse:
            return PlainTextResponse(_NOT_BUILT)

        return
    files = BuiltFiles(directory=folder)

    app.mount("/assets", BuiltFiles(directory=folder / "assets"))
    app.add_route("/", _asgi(files, "index.html"), methods=["GET"], include_in_schema=False)
    for name in FILES:
        app.add_route(f"/{name}", _asgi(files, name), methods=["GET"], include_in_schema=False)
    for place in PLACES:
        for path in (f"/{place}", f"/{place}/{{path:path}}"):
            app.add_route(path, _asgi(files, "index.html"), methods=["GET"], include_in_schema=False)


def _asgi(files: BuiltFiles, name: str) -> Any:
    async def answered(request: Any) -> Response:
        return await files.get_response(name, request.scope)

    return answered
