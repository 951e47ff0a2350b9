"""An ASGI application without a socket, for both clients: what it streams arrives piece by piece, as from a server.

httpx has a transport of this kind that waits for the end of an answer: a stream of events has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
T = TypeVar("T")


class AsgiTransport(httpx.AsyncBaseTransport):
    """Hands each request to the application, in the running event loop."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await _Exchange(self._app, request).answer()


class _Exchange(httpx.AsyncByteStream):
    """One request, and the body of its answer."""

    def __init__(self, app: Asgi, request: httpx.Request) -> None:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self._app = app
        self._request = request
        self._sent = aiter(request.stream)
        self._all_sent = False
        self._gone = asyncio.Event()
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(8)
        self._read_s = request.extensions.get("timeout", {}).get("read")
        self._work = asyncio.create_task(self._run())

    async def answer(self) -> httpx.Response:
        message = await self._next()
        if message is None:
            await self._work  # raises what the application has raised
            raise httpx.RemoteProtocolError("the application has not answered")
        return httpx.Response(message["status"], headers=message.get("headers", []), stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self._next()) is not None:
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return
        raise httpx.RemoteProtocolError("the application ended within its answer")

    async def aclose(self) -> None:
        self._gone.set()
        self._work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._work

    async def _next(self) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(self._read_s):
                return await self._messages.get()
        except TimeoutError as error:
            raise httpx.ReadTimeout("the application has sent nothing for too long") from error

    async def _run(self) -> None:
        try:
            await self._app(self._scope(), self._receive, self._messages.put)
        finally:
            if not self._gone.is_set():
                await self._messages.put(None)

    async def _receive(self) -> dict[str, Any]:
        if self._all_sent:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        body = await anext(self._sent, None)
        self._all_sent = body is None
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    def _scope(self) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }


async def _run(app: Asgi, scope: dict[str, Any], receive: Any, send: Any) -> None:
    await app(scope, receive, send)


@asynccontextmanager
async def started(app: Asgi) -> AsyncIterator[None]:
    """The application between its start-up and its shutdown."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    work = asyncio.create_task(
        _run(app, {"type": "lifespan", "asgi": {"version": "3.0"}}, told.get, said.put)
    )
    try:
        for event in ("startup", "shutdown"):
            await told.put({"type": f"lifespan.{event}"})
            answer = await said.get()
            assert answer["type"] == f"lifespan.{event}.complete", answer
            if event == "startup":
                yield
    finally:
        await work


class BlockingAsgiTransport(httpx.BaseTransport):
    """The same for a client that blocks: the application runs in an event loop of another thread."""

    def __init__(self, app: Asgi, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = AsgiTransport(app)
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        same = httpx.Request(
            request.method, request.url, headers=request.headers, content=body, extensions=request.extensions
        )
        answer = self.ask(self._inner.handle_async_request(same))
        return httpx.Response(answer.status_code, headers=answer.headers, stream=_Pulled(self, answer.stream))

    def ask(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Pulled(httpx.SyncByteStream):
    def __init__(self, transport: BlockingAsgiTransport, stream: Any) -> None:
        self._transport = transport
        self._stream: httpx.AsyncByteStream = stream

    def __iter__(self) -> Iterator[bytes]:
        pieces = aiter(self._stream)

        async def following() -> bytes | None:
            return await anext(pieces, None)

        while (piece := self._transport.ask(following())) is not None:
            yield piece

    def close(self) -> None:
        self._transport.ask(self._stream.aclose())


@contextmanager
def in_a_thread(app: Asgi) -> Iterator[BlockingAsgiTransport]:
    """The application, started, in an event loop of a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="in-process", daemon=True)
    thread.start()
    transport = BlockingAsgiTransport(app, loop)
    alive = started(app)
    try:
        transport.ask(alive.__aenter__())
        try:
            yield transport
        finally:
            transport.ask(alive.__aexit__(None, None, None))
    finally:
        transport.ask(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
