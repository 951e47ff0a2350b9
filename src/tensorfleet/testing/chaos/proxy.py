"""A wire between agents and orchestrator that can be cut and made slow."""

from __future__ import annotations

import asyncio
import contextlib

BLOCK_BYTES = 64 * 1024


class Proxy:
    """Forwards TCP connections to `target` (`host:port`), as long as it is open."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._delay_s = 0.0
        self.address = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._open:
            await asyncio.wait(self._open)

    def cut(self) -> None:
        """Ends every connection in the middle of whatever it carries; new ones are taken at once."""
        for connection in self._open:
            connection.cancel()

    def slow_down(self, seconds: float, delay_s: float) -> None:
        """Holds every block of bytes back for a while."""
        self._delay_s = delay_s
        asyncio.get_running_loop().call_later(seconds, self._at_full_speed)

    def _at_full_speed(self) -> None:
        self._delay_s = 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        current = asyncio.current_task()
        assert current is not None
        self._open.add(current)
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
            try:
                both = (self._pump(reader, far_writer), self._pump(far_reader, writer))
                await asyncio.gather(*both)
            finally:
                far_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # either side is away, or it was cut: the other one finds out by the closed connection
        finally:
            writer.transport.abort()
            self._open.discard(current)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(BLOCK_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                writer.write(block)
                await writer.drain()
        writer.transport.abort()
