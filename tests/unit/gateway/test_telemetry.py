"""What the gateway counts, and what it shows when the database is away.  No socket is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.composition import Services, build_services
from tensorfleet.gateway.parts import Part
from tensorfleet.gateway.telemetry import Telemetry
from tensorfleet.jobs.model import NewEvent
from tensorfleet.kit.clock import utc_now
from tensorfleet.settings import Settings


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    (tmp_path / "objects").mkdir()
    found = build_services(Settings(home=tmp_path), lambda: None)
    ensure_schema(found.database)
    yield found
    found.database.close()


def lines(services: Services, telemetry: Telemetry) -> dict[str, float]:
    app = FastAPI()
    app.include_router(telemetry.router())

    @app.get("/things/{thing_id}")
    async def thing(thing_id: str) -> None:
        if thing_id == "broken":
            raise RuntimeError

    with TestClient(telemetry.counting(app), raise_server_exceptions=False) as client:
        for number in range(5):
            client.get(f"/things/{number}")
        client.get("/things/broken")
        for method in ("HACK1", "HACK2"):
            client.request(method, "/nothing/at/all")
        text = client.get("/metrics").text
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def test_series_do_not_grow_with_ids_and_made_up_methods(services: Services) -> None:
    found = lines(services, Telemetry(services))

    assert found['tensorfleet_http_requests_total{method="GET",route="/things/{thing_id}",status="200"}'] == 5
    assert found['tensorfleet_http_request_seconds_count{route="/things/{thing_id}",status="2xx"}'] == 5
    assert found['tensorfleet_http_requests_total{method="other",route="none",status="404"}'] == 2
    assert found['tensorfleet_jobs{status="running"}'] == 0
    assert found["tensorfleet_workers_lost_total"] == 0


def test_queue_and_lost_workers_are_read_from_the_database(services: Services) -> None:
    with services.database.begin() as connection:
        services.log.append(connection, [NewEvent("worker.lost", utc_now(), {"worker": "w-1"})])
    spec = {"name": "a", "algorithm": "naive_bayes", "dataset": "iris", "target_column": "species"}
    submitted_at = utc_now() - timedelta(seconds=90)
    services.job_store.insert(replace(services.jobs.prepare(spec, None), created_at=submitted_at))
    found = lines(services, Telemetry(services))

    assert found["tensorfleet_queue_jobs"] == 1
    assert 90 <= found["tensorfleet_queue_oldest_seconds"] < 120
    assert found["tensorfleet_workers_lost_total"] == 1


def test_while_the_database_is_away_the_rest_is_still_shown(services: Services) -> None:
    telemetry = Telemetry(services)

    async def away() -> dict[str, Part]:
        return {"database": Part("away"), "tracking": Part("ok", facts={"behind": 7})}

    telemetry.check = away
    found = lines(services, telemetry)

    assert found['tensorfleet_part_status{part="database",status="away"}'] == 1
    assert found['tensorfleet_part_status{part="database",status="ok"}'] == 0
    assert found["tensorfleet_tracking_behind"] == 7
    assert not [name for name in found if name.startswith("tensorfleet_jobs{")]
    assert found['tensorfleet_http_requests_total{method="GET",route="/things/{thing_id}",status="200"}'] == 5
