"""`why` and `plan` over a database and no socket: the scheduler's answer as people and programs get it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.composition import Services, build_services
from tensorfleet.errors import SpecInvalid
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.gateway.plan import build_router
from tensorfleet.gateway.problems import add_problem_handlers
from tensorfleet.gateway.why import explain
from tensorfleet.jobs.events import Leased
from tensorfleet.kit.clock import parse_rfc3339, utc_now
from tensorfleet.orchestrator.handlers import apply_event
from tensorfleet.quotas.model import Limits
from tensorfleet.settings import Settings
from tensorfleet.testing.callers import called_by

JOB = {"name": "wine", "algorithm": "mlp", "dataset": "iris"}


def a_worker(name: str, slots: int, **stats: Any) -> Worker:
    resources = {"cpus": slots, "memory_bytes": 8 * 1024**3, "gpus": []}
    return Worker(name, name, WorkerState.ONLINE, slots, resources, stats, utc_now(), utc_now())


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = Settings(home=tmp_path, quotas={"small": {"slots": 1}})
    services = build_services(settings, lambda: None)
    ensure_schema(services.database)
    services.workers.join(a_worker("w-1", 2))
    yield services
    services.database.close()


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    add_problem_handlers(app)
    app.include_router(build_router(services, lambda answer: answer))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(called_by(app)), base_url="http://test"
    ) as opened:
        yield opened


def submit(services: Services, **fields: Any) -> str:
    job, _ = services.jobs.submit({**JOB, **fields}, None)
    return job.id


def start(services: Services, job_id: str, *worker_ids: str) -> None:
    now = utc_now()
    with services.job_store.orchestrate() as tx:
        apply_event(tx, job_id, Leased(tx.grant(job_id, worker_ids, None, now)), now)


def test_why_names_who_holds_what_and_when_it_starts(services: Services) -> None:
    holder = submit(services, timeout="1h", resources={"workers": 2})
    start(services, holder, "w-1", "w-1")
    waiting = submit(services, resources={"workers": 2})
    behind = submit(services, priority="low")
    answer = explain(services, waiting)
    assert answer["code"] == "no_free_slots"
    assert answer["suggestion"] == answer["change"]["sentence"]
    assert answer["change"]["kind"] == "end_job"
    assert answer["change"]["job_id"] == holder
    expected = parse_rfc3339(answer["expected_start"]) - utc_now()
    assert timedelta(minutes=59) < expected <= timedelta(hours=1)
    (found,) = answer["evidence"]["holders"]
    assert (found["job_id"], found["ranks"]) == (holder, {"w-1": [0, 1]})
    assert found["expected_end"] == answer["expected_start"]
    assert answer["evidence"]["running"][1] == {"job_id": holder, "rank": 1, "worker_id": "w-1"}
    assert (answer["evidence"]["free_slots"], answer["evidence"]["ahead_in_queue"]) == (0, 0)
    assert explain(services, behind)["evidence"]["ahead_in_queue"] == 1


def test_why_knows_quotas_and_disks(services: Services) -> None:
    services.quotas.set("small", Limits(slots=2), utc_now())
    job_id = submit(services, workspace="small", resources={"workers": 2})
    services.quotas.set("small", None, utc_now())  # the settings' one, of a single slot, holds again
    with pytest.raises(SpecInvalid, match="quota of workspace small is 1 slot"):
        submit(services, workspace="small", resources={"workers": 2})
    answer = explain(services, job_id)
    assert answer["code"] == "over_quota"
    assert answer["change"]["workers"] == 1
    services.workers.beat({"w-1": (utc_now(), {"low_disk": True})})
    low = explain(services, submit(services))
    assert (low["code"], low["change"]["worker_ids"]) == ("low_disk", ["w-1"])


def test_a_job_that_is_about_to_start_says_so(services: Services) -> None:
    answer = explain(services, submit(services))
    assert answer["code"] == "starting"
    assert answer["evidence"] == {"worker_ids": ["w-1"], "running": []}


async def test_a_plan_says_where_it_would_start_and_keeps_nothing(
    client: httpx.AsyncClient, services: Services
) -> None:
    answer = (await client.post("/plan", json={**JOB, "resources": {"workers": 2}})).json()
    assert answer["starts_now"] is True
    assert answer["code"] == "starts_now"
    assert answer["evidence"]["worker_ids"] == ["w-1", "w-1"]
    without_files = {"name": "own", "entrypoint": "train.py"}
    assert (await client.post("/plan", json=without_files)).json()["starts_now"] is True
    assert (await client.post("/plan", json={"name": "x", "algorithm": "knn"})).json()["starts_now"] is True
    with services.job_store.orchestrate() as tx:
        assert tx.queue(10) == []


async def test_a_plan_that_has_to_wait_says_why(client: httpx.AsyncClient, services: Services) -> None:
    start(services, submit(services, timeout="1h"), "w-1")
    answer = (await client.post("/plan", json={**JOB, "resources": {"workers": 2}})).json()
    assert answer["starts_now"] is False
    assert (answer["code"], answer["suggestion"]) == ("no_free_slots", "ask for 1 worker")
    assert answer["change"] == {"kind": "lower_workers", "sentence": "ask for 1 worker", "workers": 1}
    assert parse_rfc3339(answer["expected_start"]) > utc_now()
    huge = (await client.post("/plan", json={**JOB, "resources": {"workers": 3}})).json()
    assert (huge["code"], huge["expected_start"]) == ("impossible", None)
    assert huge["expected_start_unknown"] == "it does not start on this fleet as it is"


async def test_a_plan_refuses_what_a_submission_would_refuse(client: httpx.AsyncClient) -> None:
    wrong = {**JOB, "hyperparameters": {"epoch": 3}}
    for body, field in (({**JOB, "nmae": 1}, "nmae"), (wrong, "hyperparameters.epoch")):
        refused = await client.post("/plan", json=body)
        assert refused.status_code == 422
        assert field in [error["field"] for error in refused.json()["errors"]]
    assert (await client.post("/plan", content=b"{")).status_code == 422
    assert (await client.post("/plan", json=[1])).status_code == 422
