"""Who may call: whoever brings the token of this home."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from tensorfleet.errors import NotAuthenticated
from tensorfleet.gateway.problems import from_error

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
OPEN_PATHS = ("/health", "/health/live", "/health/ready", "/", "/api/docs", "/api/openapi.json")
OPEN_FOLDERS = ("/api/docs/",)  # the pages that describe the API say the same for everybody
_MISSING = "send the token of this TensorFleet as 'Authorization: Bearer TOKEN'; it stands in the file 'token' of its home"
_WRONG = "the token is not the one of this TensorFleet; it stands in the file 'token' of its home"


class RequireToken:
    """Plain ASGI in front of everything: no route can be forgotten."""

    def __init__(self, app: Asgi, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
            return
        await from_error(NotAuthenticated(_WRONG if given else _MISSING))(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
