from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from tensorfleet.registry.endpoints import build_router
from tensorfleet.registry.model import ModelVersion
from tensorfleet.registry.service import RegistryService
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.testing.callers import called_by
from tensorfleet.testing.tracking import START, insert_job, model_result, new_database


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlRegistryStore]:
    database = new_database(f"sqlite:///{tmp_path}/db")
    insert_job(database, "j-1", result=model_result("j-1"))
    store = SqlRegistryStore(database)
    for number in (1, 2, 3):
        version = ModelVersion("wine", number, "default", "j-1", "run", f"file:///o/models/{number}", START)
        store.record_version(version, START, tell_job=False)
    yield store
    database.close()


@pytest.fixture
async def nudges() -> list[str]:
    return []


@pytest.fixture
async def client(
    store: SqlRegistryStore, nudges: list[str], tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    objects_url = f"file://{tmp_path}/objects"
    service = RegistryService(store, open_object_store(objects_url), objects_url, lambda: nudges.append("!"))
    app = FastAPI()
    app.include_router(build_router(service, registration_wait_s=0.3))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(called_by(app)), base_url="http://test"
    ) as opened:
        yield opened


async def test_models_and_versions_are_listed(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/models")).json()
    assert listed["next_cursor"] is None
    assert listed["items"][0] == {
        "name": "wine",
        "workspace": "default",
        "latest_version": 3,
        "aliases": {},
        "created_at": "2026-03-04T05:06:07.123456Z",
        "updated_at": "2026-03-04T05:06:07.123456Z",
    }
    first = (await client.get("/models/wine/versions", params={"limit": 2})).json()
    rest = (
        await client.get("/models/wine/versions", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()
    assert [item["version"] for item in first["items"] + rest["items"]] == [3, 2, 1]
    assert rest["next_cursor"] is None


async def test_a_version_is_found_by_number_alias_and_latest(
    client: httpx.AsyncClient, nudges: list[str]
) -> None:
    put = await client.put("/models/wine/aliases/production", json={"version": 2})
    assert (put.status_code, put.json()["aliases"], nudges) == (200, ["production"], ["!"])
    for which, number in (("1", 1), ("production", 2), ("latest", 3)):
        assert (await client.get(f"/models/wine/versions/{which}")).json()["version"] == number
    assert (await client.delete("/models/wine/aliases/production")).status_code == 204
    with pytest.raises(NotFound, match="no version 'production'"):
        await client.get("/models/wine/versions/production")


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/models/wines/aliases/production", {"version": 1}, NotFound),
        ("/models/wine/aliases/production", {"version": 9}, NotFound),
        ("/models/wine/aliases/v3", {"version": 1}, InvalidInput),
        ("/models/wine/aliases/a%00b", {"version": 1}, InvalidInput),
    ],
)
async def test_an_alias_needs_a_version_and_a_good_name(
    client: httpx.AsyncClient, path: str, body: dict[str, int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.put(path, json=body)


async def test_a_registration_waits_for_the_writer(
    client: httpx.AsyncClient, store: SqlRegistryStore
) -> None:
    asked = asyncio.create_task(client.post("/models", json={"name": "wine", "job_id": "j-1"}))
    while not store.open_intents(1):
        await asyncio.sleep(0.01)
    (intent,) = store.open_intents(1)
    assert intent.data["source"].endswith("/objects/models/j-1/1")
    store.close_intent(intent.id, {"version": 3}, START)
    answer = await asked
    assert (answer.status_code, answer.json()["model_id"], answer.json()["path"]) == (
        201,
        "wine/3",
        "file:///o/models/3",
    )


async def test_a_registration_is_pending_while_mlflow_is_away(client: httpx.AsyncClient) -> None:
    answer = await client.post("/models", json={"job_id": "j-1"})
    assert (answer.status_code, answer.json()["status"], answer.json()["name"]) == (202, "pending", "wine")


async def test_a_refused_registration_says_why(client: httpx.AsyncClient, store: SqlRegistryStore) -> None:
    asked = asyncio.create_task(client.post("/models", json={"job_id": "j-1"}))
    while not store.open_intents(1):
        await asyncio.sleep(0.01)
    store.close_intent(store.open_intents(1)[0].id, {"error": "MLflow refused it"}, START)
    with pytest.raises(Conflict, match="MLflow refused it"):
        await asked


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "wine"}, InvalidInput),
        ({"job_id": "j-1", "source_prefix": "models/a/1"}, InvalidInput),
        ({"job_id": "j-9"}, NotFound),
        ({"job_id": "j-1", "name": "a/b"}, InvalidInput),
        ({"source_prefix": "models/a/1"}, InvalidInput),
        ({"name": "a", "source_prefix": "../a"}, InvalidInput),
        ({"name": "a", "source_prefix": "models/none/1"}, InvalidInput),
    ],
)
async def test_registrations_that_cannot_work_are_refused(
    client: httpx.AsyncClient, store: SqlRegistryStore, body: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.post("/models", json=body)
    assert store.open_intents(1) == []


async def test_an_alias_moves_only_from_where_it_was_read(client: httpx.AsyncClient) -> None:
    url = "/models/wine/aliases/production"
    assert (await client.put(url, json={"version": 1}, headers={"If-None-Match": "*"})).status_code == 200
    with pytest.raises(PreconditionFailed, match="points at version 1"):
        await client.put(url, json={"version": 2}, headers={"If-None-Match": "*"})
    read = await client.get(url)
    assert read.json() == {"name": "wine", "alias": "production", "version": 1}
    known = {"If-Match": read.headers["etag"]}
    assert (await client.put(url, json={"version": 2}, headers=known)).json()["version"] == 2
    with pytest.raises(PreconditionFailed, match="points at version 2"):
        await client.put(url, json={"version": 3}, headers=known)
    with pytest.raises(PreconditionFailed):
        await client.delete(url, headers=known)
    assert (await client.get(url, headers={"If-None-Match": '"version-2"'})).status_code == 304
    assert (await client.delete(url, headers={"If-Match": '"version-2"'})).status_code == 204
    with pytest.raises(NotFound, match="no alias 'production'"):
        await client.get(url)


async def test_models_that_have_not_changed_are_not_sent_again(client: httpx.AsyncClient) -> None:
    for url in ("/models/wine", "/models/wine/versions/2"):
        etag = (await client.get(url)).headers["etag"]
        assert (await client.get(url, headers={"If-None-Match": etag})).status_code == 304
    await client.put("/models/wine/aliases/production", json={"version": 2})
    for url in ("/models/wine", "/models/wine/versions/2"):
        assert (await client.get(url, headers={"If-None-Match": etag})).status_code == 200
