"""The REST API of a running platform, route by route."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tensorfleet.errors import JobFailed
from tensorfleet.sdk.jobs import Job
from tests.integration.api import open_api, refused
from tests.integration.platform import Platform, running_platform, wait_until

OPEN = {
    "/health": 200, "/health/live": 200, "/health/ready": 200, "/api/v1/auth/oidc": 200,
    # Where a stranger stops being one: there is nothing in the body, and no such provider.
    "/api/v1/auth/token": 422, "/api/v1/auth/refresh": 422, "/api/v1/auth/session": 422, "/api/v1/auth/program/token": 422,
    "/api/v1/auth/oidc/{provider}/login": 404, "/api/v1/auth/oidc/{provider}/callback": 404,
}  # fmt: skip
"""What a stranger is answered there."""
TRICKS = (
    "//health",
    "/health/",
    "/health/../api/v1/jobs",
    "/health%2f..%2fmetrics",
    "/%2e/metrics",
    "//metrics",
    "/api/docs/../v1/jobs",
    "/api/docs/%2e%2e/v1/jobs",
    "/api/docs/files/../../v1/jobs",
    "/api/docs/files/%2e%2e/%2e%2e/token",
    "/api/docs/files//etc/passwd",
)
FOREST = {"name": "wine", "algorithm": "random_forest", "dataset": "wine", "model_name": "api-wine"}
TALK = """
import sys
from tensorfleet import train

steps = train.params().get("steps", 30)
for step in range(1, steps + 1):
    print(f"step {step} of rank {train.rank()}")
    train.report(step=step, loss=1.0 / step)
    if step % 10 == 0:
        train.save({"step": step}, step=step)
"""
HOLD = """
import time
from tensorfleet import train

train.report(step=1, waits=1.0)
while True:
    time.sleep(0.05)
"""
FAIL = """
print("about to fail")
raise ValueError("the reason of this test")
"""


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[httpx.Client]:
    with open_api(platform) as client:
        yield client


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    for name, text in {"talk": TALK, "hold": HOLD, "fail": FAIL}.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def wine(platform: Platform) -> Job:
    return platform.client.submit(FOREST).wait(60)


@pytest.fixture(scope="module")
def talk(platform: Platform, code: Path) -> Job:
    """An ended job of two ranks with logs, metrics and checkpoints."""
    spec = {"name": "talk", "entrypoint": "talk.py", "resources": {"workers": 2}}
    return platform.client.submit(spec, code=str(code)).wait(60)


@pytest.fixture
def hold(platform: Platform, code: Path) -> Iterator[Job]:
    """A job that runs until it is stopped."""
    job = platform.client.submit(name="hold", entrypoint="hold.py", code=str(code))
    wait_until(lambda: job.refresh().metrics(), "the job to run")
    yield job
    job.cancel()
    wait_until(lambda: job.refresh().ended, "the job to end")


# ---- the door ------------------------------------------------------------------------------------------------------------


def _operations(api: httpx.Client) -> list[tuple[str, str, dict[str, Any]]]:
    document = api.get("/api/openapi.json").json()
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_needs_the_token(api: httpx.Client) -> None:
    operations = [(method, path) for method, path, _ in _operations(api)]
    assert len(operations) > 35
    assert ("POST", "/api/v1/fleet/scale") in operations
    for authorization in (None, "Bearer wrong", "bearer", f"Basic {'x' * 4000}", ""):
        headers = {} if authorization is None else {"Authorization": authorization}
        with httpx.Client(base_url=api.base_url, headers=headers, trust_env=False) as stranger:
            for method, path in operations:
                answer = stranger.request(method, re.sub(r"\{[^}]*\}", "x", path))
                if path in OPEN:
                    assert answer.status_code == OPEN[path], path
                    continue
                refused(answer, 401, "token", code="not_authenticated")
                assert answer.headers["www-authenticate"] == "Bearer"
            assert stranger.get("/").status_code == 200
            assert stranger.get("/nothing").status_code == 401, "a stranger does not learn what there is"
            for trick in TRICKS:
                answer = stranger.get("/", extensions={"target": trick.encode()})
                assert answer.status_code in (401, 404), (trick, answer.text)


def test_the_openapi_document(api: httpx.Client) -> None:
    operations = _operations(api)
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    for method, path, operation in operations:
        assert operation["tags"], (method, path)
        assert operation["responses"], (method, path)
        named = set(re.findall(r"\{([^}:]+)", path))
        given = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"}
        assert named == given, (method, path)
    text = api.get("/api/openapi.json").text
    known = json.loads(text).get("components", {}).get("schemas", {})
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in known
    assert api.get("/api/docs").status_code == 200


def test_what_is_not_there(api: httpx.Client) -> None:
    refused(api.get("/api/v1/nothing"), 404, "GET /api/v1/nothing", code="not_found")
    answer = api.delete("/api/v1/jobs")
    refused(answer, 405, code="method_not_allowed")
    assert answer.headers["allow"]


# ---- jobs ----------------------------------------------------------------------------------------------------------------


def test_a_submission_repeated(api: httpx.Client, wine: Job) -> None:
    key = {"Idempotency-Key": f"key-{os.getpid()}"}
    first = api.post("/api/v1/jobs", json=FOREST, headers=key)
    again = api.post("/api/v1/jobs", json=FOREST, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == f"/api/v1/jobs/{first.json()['job_id']}"
    assert again.json()["job_id"] == first.json()["job_id"]
    refused(api.post("/api/v1/jobs", json=FOREST | {"seed": 8}, headers=key), 409, first.json()["job_id"])
    assert (
        api.post("/api/v1/jobs", json=FOREST | {"name": "other"}).json()["job_id"] != first.json()["job_id"]
    )
    wait_until(lambda: api.get("/api/v1/jobs?status=running").json()["items"] == [], "them to end")


def test_lists_in_pages(api: httpx.Client, wine: Job, talk: Job) -> None:
    every = [job["job_id"] for job in _all(api, "/api/v1/jobs", limit=100)]
    assert {wine.id, talk.id} <= set(every)
    assert len(set(every)) == len(every)
    assert [job["job_id"] for job in _all(api, "/api/v1/jobs", limit=1)] == every
    for sort in ("created_at", "-name", "status", "-priority"):
        paged = [job["job_id"] for job in _all(api, "/api/v1/jobs", limit=2, sort=sort)]
        assert sorted(paged) == sorted(every), sort
    assert [job["job_id"] for job in _all(api, "/api/v1/jobs", limit=3, sort="created_at")] == every[::-1]
    assert [job["job_id"] for job in _all(api, "/api/v1/jobs", name="talk")] == [talk.id]
    completed = _all(api, "/api/v1/jobs", status="completed", kind="train", workspace="default")
    assert wine.id in [job["job_id"] for job in completed]
    assert _all(api, "/api/v1/jobs", workspace="nobody") == []


def _all(api: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(path, params=params).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


def test_a_job_as_it_is_read(api: httpx.Client, wine: Job) -> None:
    wait_until(lambda: wine.refresh().data["version"], "its model to be registered")
    job = api.get(f"/api/v1/jobs/{wine.id}").json()
    assert job["status"] == "completed"
    assert job["progress"] == 1.0
    assert job["model_id"] == f"api-wine/{job['version']}"
    assert job["metrics"]["accuracy"] > 0.8
    assert job["error"] is None
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert job["created_at"].endswith("Z")
    assert job["spec"]["dataset"] == "wine"
    assert job["dataset"]["version"] == 1


def test_what_an_ended_job_allows(api: httpx.Client, wine: Job) -> None:
    for verb in ("cancel", "pause", "resume", "retry"):
        refused(api.post(f"/api/v1/jobs/{wine.id}/{verb}"), 409, "completed", verb, code="conflict")
        refused(api.post(f"/api/v1/jobs/j-0/{verb}"), 404)


def test_cancel_retry_delete(api: httpx.Client, hold: Job) -> None:
    path = f"/api/v1/jobs/{hold.id}"
    refused(api.delete(path), 409, "running")
    refused(api.post(f"{path}/retry"), 409, "running")
    assert api.post(f"{path}/cancel").status_code == 202
    wait_until(lambda: api.get(path).json()["status"] == "cancelled", "the cancel")
    assert api.post(f"{path}/cancel").status_code == 202, "what is done already is no error"
    refused(api.post(f"{path}/pause"), 409, "cancelled")
    assert api.post(f"{path}/retry").status_code == 202
    wait_until(lambda: api.get(path).json()["status"] == "running", "the retry")
    assert api.get(path).json()["attempt"] == 2
    assert api.post(f"{path}/cancel").status_code == 202


def test_delete(api: httpx.Client, platform: Platform) -> None:
    job = platform.client.submit(FOREST | {"model_name": None, "name": "gone"}).wait(60)
    path = f"/api/v1/jobs/{job.id}"
    assert api.delete(path).status_code == 204
    for below in ("", "/logs", "/events", "/metrics", "/tasks", "/why", "/stream", "/checkpoints"):
        refused(api.get(path + below), 404, job.id)
    refused(api.delete(path), 404)
    refused(api.post(f"{path}/retry"), 404)


def test_pause_and_resume(api: httpx.Client, hold: Job) -> None:
    path = f"/api/v1/jobs/{hold.id}"
    assert api.post(f"{path}/pause").status_code == 202
    wait_until(lambda: api.get(path).json()["status"] == "paused", "the pause")
    assert api.post(f"{path}/pause").status_code == 202
    refused(api.delete(path), 409, "paused")
    refused(api.post(f"{path}/retry"), 409, "paused")
    assert api.post(f"{path}/resume").status_code == 202
    wait_until(lambda: api.get(path).json()["status"] == "running", "the resume")


def test_logs(api: httpx.Client, talk: Job) -> None:
    path = f"/api/v1/jobs/{talk.id}/logs"
    pieces, after = [], 0
    while True:
        page = api.get(path, params={"after": after, "limit": 1}).json()
        pieces += page["items"]
        if page["next_cursor"] is None:
            break
        after = page["next_cursor"]
    for rank in (0, 1):
        expected = [f"step {step} of rank {rank}" for step in range(1, 31)]
        text = "".join(piece["text"] for piece in pieces if piece["rank"] == rank)
        assert [line for line in text.splitlines() if line.startswith("step")] == expected
        only = api.get(path, params={"rank": rank}).json()["items"]
        assert {piece["rank"] for piece in only} == {rank}
        assert "".join(piece["text"] for piece in only) == text
    tail = api.get(path, params={"tail": 3, "rank": 1}).json()
    assert tail["next_cursor"] is None
    assert "".join(piece["text"] for piece in tail["items"]).splitlines()[-1] == "step 30 of rank 1"
    assert len("".join(piece["text"] for piece in tail["items"]).splitlines()) == 3
    assert api.get(path, params={"rank": 7}).json()["items"] == []


def test_metrics(api: httpx.Client, talk: Job) -> None:
    path = f"/api/v1/jobs/{talk.id}/metrics"
    items = api.get(path).json()["items"]
    assert [item["name"] for item in items] == ["loss"]
    assert [(point["step"], point["value"]) for point in items[0]["points"]] == [
        (step, 1.0 / step) for step in range(1, 31)
    ]
    thin = api.get(path, params={"points": 6}).json()["items"][0]["points"]
    assert [point["step"] for point in thin] == [1, 15, 16, 30]
    assert len(api.get(path, params={"rank": 1}).json()["items"]) == 1
    assert api.get(path, params={"rank": 9}).json()["items"] == []


def test_events_tasks_checkpoints(api: httpx.Client, talk: Job) -> None:
    path = f"/api/v1/jobs/{talk.id}"
    events: list[dict[str, Any]] = []
    after: Any = 0
    while after is not None:
        page = api.get(f"{path}/events", params={"after": after, "limit": 2}).json()
        events += page["items"]
        after = page["next_cursor"]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "job.submitted"
    assert kinds[-1] == "job.completed"
    assert kinds.count("task.finished") == 2
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})
    assert {event["job_id"] for event in events} == {talk.id}

    tasks = api.get(f"{path}/tasks").json()["items"]
    assert [(task["rank"], task["attempt"], task["status"]) for task in tasks] == [
        (0, 1, "succeeded"),
        (1, 1, "succeeded"),
    ]
    checkpoints = api.get(f"{path}/checkpoints").json()["items"]
    assert [item["step"] for item in checkpoints if item["rank"] == 0] == [20, 30], "two are kept"
    assert all(re.fullmatch(r"[0-9a-f]{64}", item["sha256"]) for item in checkpoints)


# ---- why -----------------------------------------------------------------------------------------------------------------


def test_why_a_job_waits(api: httpx.Client, platform: Platform, hold: Job) -> None:
    waiting = platform.client.submit(
        FOREST | {"name": "gang", "algorithm": "mlp", "resources": {"workers": 3}, "model_name": None}
    )
    behind = platform.client.submit(
        FOREST | {"name": "low", "algorithm": "mlp", "resources": {"workers": 3}, "priority": "low",
                  "model_name": None}
    )  # fmt: skip
    try:
        why = api.get(f"/api/v1/jobs/{waiting.id}/why").json()
        assert why["code"] == "no_free_slots"
        assert "3 free slots" in why["reason"]
        assert "2 are free" in why["reason"]
        assert why["suggestion"] == "ask for 2 workers"
        assert why["evidence"]["free_slots"] == 2
        assert why["evidence"]["ahead_in_queue"] == 0
        assert hold.id in [lease["job_id"] for lease in why["evidence"]["running"]]
        assert api.get(f"/api/v1/jobs/{behind.id}/why").json()["evidence"]["ahead_in_queue"] == 1
    finally:
        for job in (waiting, behind):
            job.cancel()
    why = api.get(f"/api/v1/jobs/{hold.id}/why").json()
    assert why["status"] == "running"
    assert why["evidence"]["tasks"][0]["status"] == "running"
    wait_until(lambda: waiting.refresh().ended, "the cancel of a waiting job")
    assert "cancel" in api.get(f"/api/v1/jobs/{waiting.id}/why").json()["reason"]


def test_why_a_job_failed(api: httpx.Client, platform: Platform, code: Path) -> None:
    job = platform.client.submit(name="fails", entrypoint="fail.py", code=str(code))
    with pytest.raises(JobFailed, match="the reason of this test"):
        job.wait(60)
    why = api.get(f"/api/v1/jobs/{job.id}/why").json()
    assert why["code"] == "user_error"
    assert "the reason of this test" in why["reason"]
    assert "fail.py" in why["evidence"]["traceback"]
    assert "tensorfleet/training" not in why["evidence"]["traceback"], "only what is the user's"


# ---- streams -------------------------------------------------------------------------------------------------------------


def _read(answer: httpx.Response, limit: int | None = None) -> list[tuple[str, str, dict[str, Any]]]:
    """`(id, event, data)` of a stream, to its end or for `limit` events."""
    found, fields = [], {}
    for line in answer.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            found.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
            fields = {}
            if len(found) == limit:
                break
    return found


def test_a_stream_cut_again_and_again(api: httpx.Client, platform: Platform, code: Path) -> None:
    spec = {"name": "streamed", "entrypoint": "talk.py", "hyperparameters": {"steps": 400}}
    job = platform.client.submit(spec, code=str(code))
    path = f"/api/v1/jobs/{job.id}/stream"
    seen: list[tuple[str, str, dict[str, Any]]] = []
    while not seen or seen[-1][1] != "end":
        headers = {"Last-Event-ID": seen[-1][0]} if seen else {}
        with api.stream("GET", path, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            seen += _read(answer, 1 + len(seen) % 3)
    *events, (last_id, _, end) = seen
    assert last_id == ""
    assert end["status"] == "completed"
    assert end["job_id"] == job.id
    whole = list(platform.client.jobs.get(job.id).events())
    assert [int(event_id) for event_id, _, _ in events] == [
        event.id for event in whole if event.kind != "job.registered"
    ]
    assert [kind for _, kind, _ in events][-1] == "job.completed"
    for event_id, kind, data in events:
        assert (int(event_id), kind) == (data["id"], data["kind"])


def test_a_stream_of_an_ended_job(api: httpx.Client, talk: Job) -> None:
    path = f"/api/v1/jobs/{talk.id}/stream"
    with api.stream("GET", path) as answer:
        found = _read(answer)
    assert found[0][1] == "job.submitted"
    assert found[-1][1] == "end"
    with api.stream("GET", path, params={"after": found[-3][0]}) as answer:
        assert [event[1] for event in _read(answer)] == [event[1] for event in found[-2:]]
    with api.stream("GET", path, headers={"Last-Event-ID": "9" * 15}) as answer:
        assert [event[1] for event in _read(answer)] == ["end"]


def test_the_events_of_all_jobs(api: httpx.Client, platform: Platform) -> None:
    newest = platform.client.jobs.list(limit=1)[0]
    position = list(newest.events())[-1].id
    with api.stream("GET", "/api/v1/events", headers={"Last-Event-ID": str(position)}) as answer:
        job = platform.client.submit(FOREST | {"model_name": None, "name": "seen"})
        kinds: list[str] = []
        for line in answer.iter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["job_id"] == job.id:
                kinds.append(json.loads(line[6:])["kind"])
                if kinds[-1] == "job.completed":
                    break
    assert kinds[0] == "job.submitted"
    assert "job.started" in kinds
    with api.stream("GET", "/api/v1/events") as answer:  # from now on: nothing of the past
        assert next(answer.iter_lines()).startswith(": connected after ")


def test_the_events_of_all_jobs_without_their_details(api: httpx.Client, talk: Job, wine: Job) -> None:
    kinds = {"metrics", "log"}
    whole = {job.id: list(job.events()) for job in (talk, wine)}
    assert all(kinds & {event.kind for event in events} for events in whole.values())
    first = min(events[0].id for events in whole.values())
    expected = {event.id for event in whole[talk.id]}
    expected |= {event.id for event in whole[wine.id] if event.kind not in kinds}
    told, last = set(), max(expected)
    position = str(first - 1)
    while int(position) < last:  # cut again and again
        with api.stream(
            "GET", "/api/v1/events", params={"detail": talk.id}, headers={"Last-Event-ID": position}
        ) as answer:
            for event_id, kind, data in _read(answer, 3):
                assert kind not in kinds or data["job_id"] == talk.id
                told |= {int(event_id)} if data["job_id"] in whole and int(event_id) <= last else set()
                position = event_id
    assert told == expected
    too_many = api.get("/api/v1/events", params={"detail": ["j-1"] * 51})
    assert too_many.status_code == 422
    assert too_many.json()["errors"][0]["field"] == "detail"


def test_many_streams_that_go_away(api: httpx.Client, hold: Job) -> None:
    """A gateway that kept what left would run out of descriptors or answer late."""
    host, port = api.base_url.host, api.base_url.port
    request = f"GET /api/v1/jobs/{hold.id}/stream HTTP/1.1\r\nHost: x\r\nAuthorization: {api.headers['Authorization']}\r\n\r\n"
    for _ in range(200):
        with socket.create_connection((host, port or 80)) as raw:
            raw.sendall(request.encode())
            raw.recv(1)
    began = time.monotonic()
    assert api.get("/health/live").status_code == 200
    assert time.monotonic() - began < 5


# ---- files ---------------------------------------------------------------------------------------------------------------


def test_downloads_with_ranges(api: httpx.Client, wine: Job, talk: Job) -> None:
    version = wine.model
    file = next(file for file in version.files if file["path"] == "MLmodel")
    for path, size in (
        (f"models/{wine.id}/1/{file['path']}", file["bytes"]),
        (f"logs/{talk.id}", None),
        (f"logs/{talk.id}.txt", None),
        ("datasets/wine@1", None),
        ("datasets/wine", None),
    ):
        whole = _fetch(api, path)
        assert whole.status_code == 200
        assert whole.headers["accept-ranges"] == "bytes"
        assert size in (None, len(whole.content))
        assert int(whole.headers["content-length"]) == len(whole.content)
        for wanted, begin, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=5-20", 5, 21),
            ("bytes=7-", 7, None),
            ("bytes=-9", -9, None),
            ("bytes=3-99999999", 3, None),
        ):
            part = _fetch(api, path, Range=wanted)
            assert part.status_code == 206, (path, wanted)
            assert part.content == whole.content[begin:end], (path, wanted)
            first = begin if begin >= 0 else len(whole.content) + begin
            total = f"bytes {first}-{first + len(part.content) - 1}/{len(whole.content)}"
            assert part.headers["content-range"] == total
        assert _fetch(api, path, Range="bytes=99999999-").status_code == 416


def test_a_log_is_downloaded_whole(api: httpx.Client, talk: Job) -> None:
    text = _fetch(api, f"logs/{talk.id}").text
    for rank in (0, 1):
        assert re.findall(rf"^step (\d+) of rank {rank}$", text, re.MULTILINE) == [
            str(step) for step in range(1, 31)
        ]
    refused(_fetch(api, "logs/j-0"), 404)


def test_a_checkpoint_is_downloaded(api: httpx.Client, talk: Job) -> None:
    newest = api.get(f"/api/v1/jobs/{talk.id}/checkpoints").json()["items"][-1]
    assert len(_fetch(api, newest["key"]).content) == newest["bytes"]


def _fetch(api: httpx.Client, path: str, **headers: str) -> httpx.Response:
    return api.get(f"/api/v1/download/{path}", headers=headers, follow_redirects=True)


# ---- how it is -----------------------------------------------------------------------------------------------------------


def test_health_and_metrics(api: httpx.Client, wine: Job) -> None:
    health = api.get("/health").json()
    assert health["status"] == "ok"
    assert {name: part["status"] for name, part in health["parts"].items()} == dict.fromkeys(
        ("database", "objects", "orchestrator", "workers", "tracking"), "ok"
    )
    assert api.get("/health/ready").json() == {"status": "ready", "missing": []}
    answer = api.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    jobs = {sample.labels["status"]: sample.value for sample in families["tensorfleet_jobs"].samples}
    assert jobs["completed"] >= 1
    assert sum(sample.value for sample in families["tensorfleet_worker_slots"].samples) == 3
    routes = {sample.labels["route"] for sample in families["tensorfleet_http_requests"].samples}
    assert "/api/v1/jobs/{job_id}" in routes
    assert not any(wine.id in route for route in routes), "a series for a pattern, not for an id"


def test_the_fleet(api: httpx.Client, hold: Job) -> None:
    (worker,) = api.get("/api/v1/workers").json()["items"]
    assert worker["state"] == "online"
    assert worker["slots"] == 3
    assert [task["job_id"] for task in worker["tasks"]] == [hold.id]
    assert worker["resources"].keys() == {"cpus", "memory_bytes", "gpus"}
    assert 0 <= worker["stats"]["cpu_percent"] <= 100
    assert api.get(f"/api/v1/workers/{worker['worker_id']}").json()["worker_id"] == worker["worker_id"]
    refused(api.get("/api/v1/workers/w-0"), 404, "w-0")
    refused(api.post("/api/v1/workers/w-0/drain"), 404, "w-0")
    activity = api.get("/worker-activity").json()
    assert activity["items"][0]["busy"] == 1
    assert activity["jobs"]["running"] == 1


def test_drain(api: httpx.Client, platform: Platform, hold: Job) -> None:
    (worker,) = platform.client.workers.list()
    path = f"/api/v1/workers/{worker['worker_id']}"
    assert api.post(f"{path}/drain").status_code == 202
    try:
        wait_until(lambda: api.get(path).json()["state"] == "draining", "the drain")
        waiting = platform.client.submit(FOREST | {"name": "waits", "model_name": None})
        assert api.get(f"/api/v1/jobs/{waiting.id}/why").json()["code"] == "no_workers"
        wait_until(lambda: hold.refresh().status == "queued", "what ran there to leave")
        assert "is being drained" in hold.data["reason"]
    finally:
        assert api.post(f"{path}/drain?undo=true").status_code == 202
    waiting.wait(60)
    wait_until(lambda: hold.refresh().status == "running", "what left to be back")


def test_an_orchestrator_that_stands_still(
    tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORFLEET_LEASE_S", "2")
    with running_platform(tmp_path / "home") as platform, open_api(platform) as api:
        hold = platform.client.submit(name="hold", entrypoint="hold.py", code=str(code))
        wait_until(lambda: hold.refresh().metrics(), "the job to run")
        stopped = platform.process("orchestrator")
        os.kill(stopped.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            health = api.get("/health")
            assert health.status_code == 200
            assert health.json()["status"] == "degraded"
            part = health.json()["parts"]["orchestrator"]
            assert part["status"] == "away"
            assert "jobs are accepted and wait; running tasks go on" in part["meaning"]
            ready = api.get("/health/ready")
            assert ready.status_code == 503
            assert ready.json()["missing"] == ["orchestrator"]
            assert api.get("/health/live").status_code == 200
            job = platform.client.submit(name="talk", entrypoint="talk.py", code=str(code))
            assert job.status == "queued"
            wait_until(lambda: time.monotonic() - began > 3.5, "more than a lease")
        finally:
            os.kill(stopped.pid, signal.SIGCONT)
        job.wait(60)
        wait_until(lambda: api.get("/health").json()["status"] == "ok", "it to be well again")
        assert hold.refresh().data["attempt"] == 1, "its own sleep does not cost the workers their leases"
        hold.cancel()


# ---- scale ---------------------------------------------------------------------------------------------------------------


def test_scale(own_platform: Platform, code: Path) -> None:
    platform = own_platform
    client = platform.client

    def slots() -> int:
        return int(client.workers.list()[0]["slots"])

    running = [client.submit(name=f"hold-{n}", entrypoint="hold.py", code=str(code)) for n in range(4)]
    wait_until(lambda: [job.refresh().status for job in running].count("running") == 3, "a full fleet")

    assert platform.cli("workers", "scale", "4").stdout == "the fleet may run 4 tasks at a time\n"
    wait_until(lambda: running[3].refresh().status == "running", "the fourth job in the new slot")

    assert client.workers.scale(2)["workers"] == 2
    wait_until(lambda: slots() == 2, "the smaller fleet")
    waiting = client.submit(FOREST | {"name": "waits", "model_name": None})
    assert waiting.why()["code"] == "no_free_slots"
    assert waiting.why()["evidence"]["free_slots"] == 0
    running[0].cancel()
    running[1].cancel()
    wait_until(lambda: running[0].refresh().ended and running[1].refresh().ended, "two to end")
    assert waiting.refresh().status == "queued", "two of two slots are taken"
    assert [job.refresh().status for job in running[2:]] == ["running"] * 2, "no task is killed"
    assert [job.data["attempt"] for job in running[2:]] == [1, 1]
    running[2].cancel()
    waiting.wait(60)

    platform.kill("agent")
    platform.kill("orchestrator")
    wait_until(lambda: client.health()["status"] == "ok", "both to be back")
    assert slots() == 2, "a scaled worker keeps its number"
    running[3].cancel()
    with open_api(platform) as api:
        refused(api.post("/api/v1/fleet/scale", json={"workers": 0}), 422, "workers")
