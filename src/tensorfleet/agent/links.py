"""Two agents measure the way between them: a few messages there and back, then some megabytes in each direction, over TCP.

One listens on a port of its own for one visitor, who has to know the secret that the orchestrator has given both.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from collections.abc import Callable
from typing import Any

from tensorfleet.kit.addresses import join_address, split_address

LIMIT_S = 20.0
MOST_BYTES = 256 * 1024**2
MOST_MEETINGS = 4
PINGS = 8
_PIECE = bytes(1 << 16)


async def listen(host: str, secret: str, count: int, tell: Callable[[str], None]) -> None:
    """Waits for the visitor; `tell` gets the address as soon as there is one."""
    done = asyncio.Event()
    visits: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        visits.add(task)
        task.add_done_callback(visits.discard)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(LIMIT_S):
                if await _is_expected(reader, secret):
                    await _host(reader, writer, min(count, MOST_BYTES))
                    done.set()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # the visitor says what went wrong
        finally:
            await _close(writer)

    server = await asyncio.start_server(begin, host, 0)
    try:
        tell(join_address(host, server.sockets[0].getsockname()[1]))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_S):
                await done.wait()
    finally:
        server.close()
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)


async def _is_expected(reader: asyncio.StreamReader, secret: str) -> bool:
    given = await reader.readline()
    return bool(secret) and hmac.compare_digest(given.strip(), secret.encode())


async def _host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int) -> None:
    for _ in range(PINGS):
        writer.write(await reader.readexactly(1))
    await _take(reader, count)
    await _give(writer, count)
    with contextlib.suppress(OSError):
        await reader.read(1)  # it goes when it has taken all


async def visit(address: str, secret: str, count: int) -> dict[str, Any]:
    """`{"bytes_s", "round_trip_s"}`, or `{"trouble"}` where nobody is reached."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(*split_address(address))
            writer.write(f"{secret}\n".encode())
            return await _measure(reader, writer, min(count, MOST_BYTES))
    except TimeoutError:
        return {"trouble": f"{address} has not answered in full within {LIMIT_S:g} s"}
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        return {"trouble": f"{address}: {error}"}
    finally:
        if writer is not None:
            await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    """At once: what has not arrived yet is of no use to anybody."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _measure(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int) -> dict[str, Any]:
    trips = []
    for _ in range(PINGS):
        began = time.monotonic()
        writer.write(b".")
        await reader.readexactly(1)
        trips.append(time.monotonic() - began)
    began = time.monotonic()
    await _give(writer, count)
    await _take(reader, count)
    took_s = max(1e-9, time.monotonic() - began)
    return {"bytes_s": 2 * count / took_s, "round_trip_s": min(trips)}


async def _give(writer: asyncio.StreamWriter, count: int) -> None:
    while count > 0:
        writer.write(_PIECE[:count])
        await writer.drain()
        count -= len(_PIECE)


async def _take(reader: asyncio.StreamReader, count: int) -> None:
    while count > 0:
        piece = await reader.read(min(count, len(_PIECE)))
        if not piece:
            raise asyncio.IncompleteReadError(b"", count)
        count -= len(piece)
