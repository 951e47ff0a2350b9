"""The way between two agents, over real connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tensorfleet.agent import links
from tensorfleet.kit.addresses import split_address
from tensorfleet.testing.cable import cable
from tensorfleet.testing.servers import free_ports

SECRET = "5ec2e7"
COUNT = 2 * 1024**2


@asynccontextmanager
async def listening(host: str = "127.0.0.1", secret: str = SECRET) -> AsyncIterator[str]:
    """The address; at the end nobody listens there any more."""
    told: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(links.listen(host, secret, COUNT, told.put_nowait))
    try:
        yield await told.get()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def visit(address: str, secret: str = SECRET) -> dict[str, Any]:
    return await links.visit(address, secret, COUNT)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_speed_and_round_trip(host: str) -> None:
    async with listening(host) as address:
        found = await visit(address)
    assert found["bytes_s"] > 1024**2
    assert 0 < found["round_trip_s"] < 5
    assert "trouble" in await visit(address), "nobody listens there any more"


async def test_who_does_not_know_the_secret_learns_nothing_and_stops_nobody() -> None:
    async with listening() as address:
        assert "trouble" in await visit(address, "another")
        reader, writer = await asyncio.open_connection(*split_address(address))
        writer.write(b"x" * 200_000)  # no line at all
        with contextlib.suppress(OSError):
            assert await reader.read() == b""
        writer.close()
        assert "bytes_s" in await visit(address)


async def test_nobody_there_and_a_host_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    assert str(port) in (await visit(f"127.0.0.1:{port}"))["trouble"]
    assert "is no address" in (await visit("nowhere"))["trouble"]
    monkeypatch.setattr(links, "LIMIT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        found = await visit(f"127.0.0.1:{deaf.getsockname()[1]}")
    assert "has not answered in full within 0.3 s" in found["trouble"]


async def test_a_cable_that_is_cut_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "LIMIT_S", 2.0)
    async with listening() as address:
        with cable(split_address(address)[1]) as way:
            reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
            writer.write(f"{SECRET}\n.".encode())
            assert await reader.readexactly(1) == b"."
            way.cut()
            with contextlib.suppress(OSError):
                assert await reader.read() == b""
            writer.close()
            assert "trouble" in await visit(f"127.0.0.1:{way.port}")
