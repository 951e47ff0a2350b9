"""Connections that hold the gateway up: what uvicorn waits for without end has an end here.

Uvicorn ends a connection that is idle between two requests.  One that never asks, sends its headers byte by byte or without end,
or does not read its answer is none of its business; an application in ASGI does not see it either.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tensorfleet.gateway.problems import problem

HEAD_LIMIT_BYTES = 64 * 1024
"""Of a request's first line and headers, and of the trailers after its body."""
MOST_HEADERS = 200


def _answer(status: int, reason: str, code: str, detail: str) -> bytes:
    body = bytes(problem(status, code, "Refused", detail).body)
    head = (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


_TOO_LONG = _answer(
    431,
    "Request Header Fields Too Large",
    "head_too_long",
    f"a request has {MOST_HEADERS} headers at most, and {HEAD_LIMIT_BYTES // 1024} KiB with its address",
)
_TOO_SLOW = _answer(408, "Request Timeout", "too_slow", "the request came too slowly; send it again")


class Connection(HttpToolsProtocol):
    """One client's connection.

    Attributes:
        head_s: how long a request's first line and headers may take, and a new connection to begin with them.
        stall_s: how long a client may leave an answer unread that does not fit into its connection.

    What a client sends without an end to it, a header, a trailer or what stands beside a chunk's size, is cut off too.
    """

    head_s = 20.0
    stall_s = 60.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unfinished = 0
        self._head_bytes = 0
        self._headers = 0
        self._in_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._head = self.loop.call_later(self.head_s, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm_head()
        self._disarm_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unfinished > HEAD_LIMIT_BYTES:
            self._refuse(_TOO_LONG)
            return
        if not (self._in_head or self._idle()):
            return
        # A part of a request, the rest of one that is answered already, or nothing that could become one.
        if self._head is None:
            self._head = self.loop.call_later(self.head_s, self._too_slow)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = self._headers = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Headers that come after the body are dropped: the application has read those before it, and decided by them."""
        self._headers += 1
        self._count(name, value)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unfinished = 0
        self._disarm_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._head_bytes > HEAD_LIMIT_BYTES or self._headers > MOST_HEADERS:
            self._refuse(_TOO_LONG)
        else:
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(self.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._disarm_stall()
        super().resume_writing()

    def _count(self, *parts: bytes) -> None:
        """The parser ends at an exception, and `send_400_response` says what it was."""
        self._head_bytes += sum(map(len, parts))
        if self._head_bytes > HEAD_LIMIT_BYTES or self._headers > MOST_HEADERS:
            raise ValueError("the head is too long")

    def _disarm_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _disarm_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _too_slow(self) -> None:
        self._head = None
        if self._in_head:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        """Says why, where that cannot be taken for the answer to an earlier request."""
        if self._idle() and not self.transport.is_closing():
            self.transport.write(answer)
        self.transport.close()
