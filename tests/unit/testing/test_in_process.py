"""The transports without a socket: what is streamed arrives before the end, and who leaves is gone for the application."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tensorfleet.testing.in_process import AsgiTransport, in_a_thread, started


class Endless:
    """Sends a piece whenever somebody has taken the one before, for ever; and knows when they have left."""

    def __init__(self) -> None:
        self.left = False
        self.body = b""
        self.phases: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                phase = (await receive())["type"]
                self.phases.append(phase)
                await send({"type": f"{phase}.complete"})
            return
        while (message := await receive()).get("more_body"):
            self.body += message["body"]
        if scope["path"] == "/broken":
            raise ValueError("as the test wants it")
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["raw_path"])]}
        )
        try:
            while True:
                await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        finally:
            self.left = True


async def test_an_answer_without_an_end_is_read_piece_by_piece() -> None:
    app = Endless()
    async with (
        started(app),
        httpx.AsyncClient(transport=AsgiTransport(app), base_url="http://test") as client,
    ):
        async with client.stream("POST", "/a%20b?c=d", content=b"hello") as answer:
            pieces = answer.aiter_bytes()
            assert [await anext(pieces) for _ in range(20)] == [b"piece"] * 20
            assert answer.headers["x-path"] == "/a%20b"
        assert (app.left, app.body) == (True, b"hello")
    assert app.phases == ["lifespan.startup", "lifespan.shutdown"]


async def test_what_the_application_raises_is_raised() -> None:
    async with httpx.AsyncClient(transport=AsgiTransport(Endless()), base_url="http://test") as client:
        with pytest.raises(ValueError, match="as the test wants it"):
            await client.get("/broken")


async def test_silence_is_a_timeout() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async with httpx.AsyncClient(transport=AsgiTransport(silent), base_url="http://test") as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/", timeout=0.01)


def test_a_client_that_blocks_reads_it_too() -> None:
    app = Endless()
    with (
        in_a_thread(app) as transport,
        httpx.Client(transport=transport, base_url="http://test") as client,
    ):
        with client.stream("POST", "/", content=b"hello") as answer:
            pieces = answer.iter_bytes()
            assert [next(pieces) for _ in range(20)] == [b"piece"] * 20
        assert (app.left, app.body) == (True, b"hello")
    assert app.phases == ["lifespan.startup", "lifespan.shutdown"]
