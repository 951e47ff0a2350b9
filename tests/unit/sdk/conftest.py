from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sdk.driven import Driven

from tensorfleet.sdk.aio.client import AsyncClient
from tensorfleet.sdk.client import Client
from tensorfleet.testing.gateway import FakeGateway


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture(params=["blocking", "async"])
def client(
    request: pytest.FixtureRequest, gateway: FakeGateway, tmp_path: Path, naps: list[float]
) -> Iterator[Any]:
    """A client of the in-memory gateway, of each kind; it notes its pauses instead of taking them."""
    arguments = ("http://gateway.test", "secret", tmp_path / "home")
    if request.param == "blocking":
        with Client(*arguments, http=gateway.transport()) as found:
            found.transport.sleep = naps.append
            yield found
        return

    async def nap(delay_s: float) -> None:
        naps.append(delay_s)

    waiting = AsyncClient(*arguments, http=gateway.transport())
    waiting.transport.sleep = nap
    with asyncio.Runner() as runner:
        yield Driven(waiting, runner)
        runner.run(waiting.close())
