"""What the API answers about the fleet's size, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest

from tensorfleet.errors import Conflict, Unavailable
from tensorfleet.fleet.scaling_endpoints import Signals, build_router
from tensorfleet.gateway.scaling import SignalCollector
from tensorfleet.settings import Settings

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
STATE = {
    "action": "grow",
    "reason": "the load is 1.00, over 0.8: 2 workers become 3",
    "signal": {"load": 1.0, "queue": 4, "workers": 2, "desired": 3},
}


class Store:
    """A row and a log, as the leader would have written them."""

    def __init__(self) -> None:
        self.age_s = 1.0
        self.state: dict[str, Any] | None = STATE

    def find_state(self) -> tuple[datetime, dict[str, Any]] | None:
        return (NOW - timedelta(seconds=self.age_s), self.state) if self.state else None

    def decisions(self, limit: int) -> list[tuple[datetime, dict[str, Any]]]:
        return [(NOW, STATE)] * min(limit, 2)


@pytest.fixture
def store() -> Store:
    return Store()


def signals_of(store: Any, *, enabled: bool = True) -> Signals:
    return Signals(Settings(autoscale={"enabled": enabled}), store, lambda: NOW)  # type: ignore[arg-type]


class Asked:
    def __init__(self, signals: Signals) -> None:
        self.intents: list[tuple[str, str, dict[str, Any]]] = []
        self.app = FastAPI()
        self.app.include_router(build_router(signals, self.request, lambda answer: answer))

    def request(self, worker_id: str, intent: str, **data: Any) -> None:
        self.intents.append((worker_id, intent, data))


@pytest.fixture
def asked(store: Store) -> Asked:
    return Asked(signals_of(store))


@pytest.fixture
async def client(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(asked.app), base_url="http://test") as opened:
        yield opened


async def test_the_signal(client: httpx.AsyncClient, store: Store) -> None:
    found = (await client.get("/fleet/signal")).json()
    assert found == {
        "desired_workers": 3,
        "load": 1.0,
        "queue": 4,
        "workers": 2,
        "at": "2026-03-04T05:06:06.000000Z",
    }


async def test_an_old_signal_is_no_signal(client: httpx.AsyncClient, store: Store) -> None:
    store.age_s = 31
    with pytest.raises(Unavailable, match="last looked at 31 s ago"):
        await client.get("/fleet/signal")
    store.state = None
    with pytest.raises(Unavailable, match="nobody has looked"):
        await client.get("/fleet/signal")


async def test_the_state_and_the_latest_decisions(client: httpx.AsyncClient) -> None:
    found = (await client.get("/fleet/scaling", params={"limit": 1})).json()
    assert (found["enabled"], found["state"]["reason"]) == (True, STATE["reason"])
    assert [one["at"] for one in found["decisions"]] == ["2026-03-04T05:06:07.000000Z"]
    assert found["settings"]["max"] == 10
    assert (await client.get("/fleet/scaling", params={"limit": 0})).status_code == 422


async def test_a_person_sets_the_number(client: httpx.AsyncClient, asked: Asked) -> None:
    assert (await client.post("/fleet/target", json={"workers": 5})).status_code == 202
    await client.post("/fleet/target", json={"workers": None})
    assert asked.intents == [("", "target", {"workers": 5}), ("", "target", {"workers": None})]
    for wrong in ({"workers": -1}, {"workers": "5"}, {"workers": 5000}, {}):
        assert (await client.post("/fleet/target", json=wrong)).status_code == 422


async def test_where_it_is_off(store: Store) -> None:
    off = Asked(signals_of(store, enabled=False))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(off.app), base_url="http://test") as client:
        with pytest.raises(Conflict, match="autoscaling is off; set"):
            await client.get("/fleet/signal")
        with pytest.raises(Conflict, match="autoscaling is off"):
            await client.post("/fleet/target", json={"workers": 5})
        found = (await client.get("/fleet/scaling")).json()
    assert (found["enabled"], found["state"]) == (False, None)


def test_the_signal_among_the_metrics_is_absent_when_it_is_not_known(store: Store) -> None:
    registry = CollectorRegistry()
    registry.register(SignalCollector(signals_of(store)))
    text = generate_latest(registry).decode()
    for line in ("desired_workers 3.0", "workers 2.0", "load 1.0", "queue 4.0"):
        assert f"\ntensorfleet_fleet_{line}\n" in text
    assert signals_of(store).desired() == 3
    store.age_s = 1000
    assert signals_of(store).desired() is None
    assert "tensorfleet_fleet" not in generate_latest(registry).decode()
