"""How much of a request is read into memory."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
BODY_LIMIT_BYTES = 1024**2
# These take their bodies in pieces and count for themselves.
_STREAMED = re.compile(r"/api/v1/(uploads/[^/]+/chunks/[^/]+|datasets/[^/]+/versions)")


def limit_bodies(app: Asgi) -> Asgi:
    """The same application; a body that is held in memory as a whole is cut off at 1 MiB."""

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or _STREAMED.fullmatch(scope["path"]):
            await app(scope, receive, send)
            return
        received = 0

        async def counted() -> Any:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_LIMIT_BYTES:
                # This class passes through FastAPI's own reading of bodies; ours would become a plain 400 there.
                raise HTTPException(
                    413, "the body is larger than 1 MiB; data goes through /datasets or /uploads"
                )
            return message

        await app(scope, counted, send)

    return limited
