"""Requests over kept connections, each sent when the answer before it is whole."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 16


class Asking(asyncio.Protocol):
    """One connection that asks the same again as soon as the answer is whole."""

    def __init__(self, request: bytes, until: float, seconds: list[float]) -> None:
        self._request, self._until, self._seconds = request, until, seconds
        self._data = b""
        self._whole = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._data, self._whole, self._began = b"", 0, time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._whole and (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            if not head.startswith(b"http/1.1 200"):
                self.done.set_exception(RuntimeError(self._data[:500].decode(errors="replace")))
                self._transport.close()
                return
            self._whole = end + 4 + int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if self._whole and len(self._data) >= self._whole:
            now = time.perf_counter()
            self._seconds.append(now - self._began)
            if now < self._until:
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def ask(url: str, path: str, token: str | None, seconds: float) -> tuple[float, float]:
    """Answers a second, and the 99th percentile in milliseconds."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proof = f"Authorization: Bearer {token}\r\n" if token else ""
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{proof}\r\n".encode()
    loop, found = asyncio.get_running_loop(), list[float]()
    began = time.perf_counter()
    made = [
        await loop.create_connection(
            lambda: Asking(request, began + seconds, found), parts.hostname, parts.port
        )
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    return len(found) / (time.perf_counter() - began), statistics.quantiles(found, n=100)[98] * 1000
