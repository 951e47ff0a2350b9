from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.sdk.client import Client
from tensorfleet.testing.gateway import FakeGateway


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def client(gateway: FakeGateway, tmp_path: Path, naps: list[float]) -> Iterator[Client]:
    """A client of the in-memory gateway; it notes its pauses instead of taking them."""
    with Client("http://gateway.test", "secret", tmp_path / "home", http=gateway.transport()) as found:
        found.transport.sleep = naps.append
        yield found
