"""Routes that will go: they say so in each answer (RFC 9745, RFC 8594) and in the API's description."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def going(since: datetime, sunset: datetime, instead: str) -> dict[str, Any]:
    """Arguments for an `APIRouter` whose routes all go.

    Args:
        since: from when on it is deprecated; `sunset`: when it goes, six months later or more.
        instead: the path to use, or of the page that says what to do.
    """
    headers = {
        "Deprecation": f"@{int(since.timestamp())}",
        "Sunset": format_datetime(sunset.astimezone(UTC), usegmt=True),
        "Link": f'<{instead}>; rel="successor-version"',
    }

    class Going(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def answered(request: Request) -> Response:
                response = await handle(request)
                response.headers.update(headers)
                return response

            return answered

    return {"deprecated": True, "route_class": Going}
