"""A cable to a server on this machine, which tests cut, hold and mend: how a network fails, without touching the server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from tensorfleet.testing.servers import free_ports

_PIECE_BYTES = 64 * 1024


class Cable:
    """Listens at `port` and passes on to `target_port`.  Its methods return when they have taken effect."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        (self.port,) = free_ports(1)
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cable")
        self._thread.start()

    def mend(self) -> None:
        """Everything goes through again, what was held too."""
        self._run(self._mend())

    def hold(self) -> None:
        """Connections are taken and stay open, but nothing goes through: the server seems to hang."""
        self._run(self._hold())

    def cut(self) -> None:
        """Connections end, and new ones are refused."""
        self._run(self._cut())

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    async def _mend(self) -> None:
        await self._listen()
        self._flows.set()

    async def _hold(self) -> None:
        await self._listen()
        self._flows.clear()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._ends):
            task.cancel()
        if self._ends:
            await asyncio.wait(self._ends)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ends.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._flows.wait()
                there, to_there = await asyncio.open_connection("127.0.0.1", self.target_port)
                try:
                    await asyncio.gather(self._pump(reader, to_there), self._pump(there, writer))
                finally:
                    to_there.transport.abort()
        finally:
            writer.transport.abort()
            self._ends.discard(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(_PIECE_BYTES):
            await self._flows.wait()
            sink.write(piece)
            await sink.drain()
        sink.close()


@contextmanager
def cable(target_port: int) -> Iterator[Cable]:
    """A whole cable; gone at the end."""
    found = Cable(target_port)
    try:
        found.mend()
        yield found
    finally:
        found.close()
