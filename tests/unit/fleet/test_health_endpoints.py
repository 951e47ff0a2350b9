"""Quarantine over HTTP, without a socket."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tensorfleet.errors import Conflict, NotFound
from tensorfleet.fleet.endpoints import build_router
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.health.record import Health, held_by_person

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HELD = held_by_person(Health("m-1"), "its fan is loud", NOW)
ONLINE = Worker("w-1", "north", WorkerState.ONLINE, 2, {"machine": "m-1"}, {}, NOW, NOW)


class Fleet:
    def __init__(self) -> None:
        self.worker = ONLINE
        self.intents: list[tuple[str, str, dict[str, Any]]] = []
        app = FastAPI()
        app.include_router(build_router(self, self.request, lambda found: found))  # type: ignore[arg-type]
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    def get(self, worker_id: str) -> Worker:
        if worker_id != self.worker.id:
            raise NotFound(worker_id)
        return self.worker

    def all(self) -> list[Worker]:
        return [self.worker]

    def running(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    def request(self, worker_id: str, intent: str, **data: Any) -> None:
        self.intents.append((worker_id, intent, data))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def test_what_a_person_wants_is_left_for_the_orchestrator(fleet: Fleet) -> None:
    path = "/workers/w-1"
    answer = await fleet.client.post(f"{path}/quarantine", json={"reason": " its  fan\nis loud "})
    assert (answer.status_code, answer.json()["state"]) == (202, "online")
    assert (await fleet.client.post(f"{path}/quarantine")).status_code == 202
    assert (await fleet.client.post(f"{path}/check")).status_code == 202
    fleet.worker = replace(ONLINE, health=HELD)
    released = await fleet.client.post(f"{path}/release")
    assert (released.status_code, released.json()["state"]) == (202, "quarantined")
    assert released.json()["health"]["quarantine"]["reason"] == "its fan is loud"
    assert fleet.intents == [
        ("w-1", "quarantine", {"reason": "its fan is loud"}),
        ("w-1", "quarantine", {"reason": ""}),
        ("w-1", "check", {}),
        ("w-1", "release", {}),
    ]


async def test_what_makes_no_sense_is_refused(fleet: Fleet) -> None:
    for body in ({"reson": "x"}, {"reason": "x" * 301}, {"reason": 7}):
        assert (await fleet.client.post("/workers/w-1/quarantine", json=body)).status_code == 422
    with pytest.raises(Conflict, match="not in quarantine"):
        await fleet.client.post("/workers/w-1/release")
    with pytest.raises(NotFound):
        await fleet.client.post("/workers/w-2/quarantine")
    fleet.worker = replace(ONLINE, state=WorkerState.LOST)
    with pytest.raises(Conflict, match="does not answer"):
        await fleet.client.post("/workers/w-1/check")
    fleet.worker = replace(ONLINE, resources={})
    with pytest.raises(Conflict, match="of a version that cannot"):
        await fleet.client.post("/workers/w-1/check")
    assert fleet.intents == []
