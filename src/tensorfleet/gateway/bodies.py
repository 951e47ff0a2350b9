"""How much of a request is read into memory, how deep it may be, and how long it may take to come."""

from __future__ import annotations

import asyncio
import codecs
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
BODY_LIMIT_BYTES = 1024**2
OPEN_LIMIT_BYTES = 16 * 1024
"""Of those who are not signed in yet: what is sent there is read, and refused field by field, for anybody."""
PATIENCE_S = 30.0
BYTES_PER_S = 1000
"""A body may take as long as at this rate, and `PATIENCE_S` more; the time in which nobody reads it does not count."""
MOST_DEPTH = 64
# These take their bodies in pieces and count for themselves.
_STREAMED = re.compile(r"/api/v1/(uploads/[^/]+/chunks/[^/]+|datasets/[^/]+/versions)")
_OPEN = re.compile(r"/api/v1/auth/(token|refresh)")
_STRING = re.compile(rb'"(?:[^"\\]|\\[\s\S]|\\\Z)*+"?')
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def limit_bodies(app: Asgi, patience_s: float = PATIENCE_S) -> Asgi:
    """The same application; a body that does not come is given up, and one that is held as a whole is cut off at 1 MiB."""

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        most_bytes = OPEN_LIMIT_BYTES if _OPEN.fullmatch(scope["path"]) else BODY_LIMIT_BYTES
        whole = None if _STREAMED.fullmatch(scope["path"]) else _Whole(most_bytes)
        arriving = _Arriving(receive, patience_s)

        async def counted() -> Any:
            message = await arriving.next()
            if message is None:
                if scope["method"] in ("GET", "HEAD"):  # it may be answered by a stream already
                    return {"type": "http.disconnect"}
                raise HTTPException(408, "the body came too slowly; send it again", {"Connection": "close"})
            if whole is not None:
                whole.add(message)
            return message

        await app(scope, counted, send)

    return limited


class _Arriving:
    """A request's messages, as long as they come fast enough."""

    def __init__(self, receive: Callable[[], Awaitable[Any]], patience_s: float) -> None:
        self._receive = receive
        self._left_s = patience_s
        self._more = True

    async def next(self) -> Any:
        """None when it has taken too long."""
        if not self._more:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                message = await self._receive()
        except TimeoutError:
            return None
        self._left_s += len(message.get("body", b"")) / BYTES_PER_S - (time.monotonic() - began)
        self._more = message.get("more_body", False)
        return message


class _Whole:
    """A body that is held in memory as a whole.  It may be JSON, which is read by functions that call themselves."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._pieces: list[bytes] = []
        self._bytes = 0

    def add(self, message: Any) -> None:
        piece = message.get("body", b"")
        self._pieces.append(piece)
        self._bytes += len(piece)
        # HTTPException passes through FastAPI's own reading of bodies; our classes would become a plain 400 there.
        if self._bytes > self._most_bytes:
            most = "1 MiB" if self._most_bytes == BODY_LIMIT_BYTES else f"{self._most_bytes // 1024} KiB"
            raise HTTPException(
                413, f"the body is larger than {most}; data goes through /datasets or /uploads"
            )
        if message.get("more_body", False):
            return
        body = b"".join(self._pieces)
        # Readers of JSON take UTF-16 too, in which brackets and quotes are not what they are looked at as here.
        if b"\0" in body[:4] or body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise HTTPException(422, "the body is not UTF-8; send JSON as UTF-8")
        if too_deep(body):
            raise HTTPException(
                422, f"the body is nested too deeply; {MOST_DEPTH} levels are enough for anything here"
            )


def too_deep(body: bytes) -> bool:
    """Whether JSON has more than about `MOST_DEPTH` levels; of what is not JSON nothing is said.

    Brackets that hold nothing are taken out again and again: each round takes at least the innermost level.
    """
    if body.count(b"[") + body.count(b"{") <= MOST_DEPTH:
        return False
    left = _STRING.sub(b"", body).translate(None, _NOT_BRACKETS)
    for _ in range(MOST_DEPTH):
        left = left.replace(b"[]", b"").replace(b"{}", b"")
    return b"[]" in left or b"{}" in left or left.count(b"[") + left.count(b"{") > MOST_DEPTH
