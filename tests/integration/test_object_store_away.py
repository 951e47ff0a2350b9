"""The object store goes away and comes back: what needs it is refused at once, everything else goes on, nothing is restarted."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.testing.cable import Cable, cable
from tensorfleet.testing.servers import S3Server, s3
from tests.integration.api import open_api, refused
from tests.integration.gateways import gateway
from tests.integration.platform import Platform, wait_until

STUCK = 12  # more than the threads that an event loop has by itself on a small machine
JOB = {"name": "late", "algorithm": "linear_regression", "dataset": "rows"}
COUNT = """
import time
from pathlib import Path
from tensorfleet import train

saved = train.restore()
step = saved["step"] if saved else 0
while not Path(train.params()["enough"]).exists():
    step += 1
    train.report(step=step, loss=1.0 / step)
    train.save({"step": step}, step=step)
    time.sleep(0.05)
"""


def table() -> str:
    """A table that is stored nowhere yet."""
    noise = secrets.randbelow(10**6)
    return "a,b,y\n" + "".join(f"{n},{n * noise % 7},{2 * n}\n" for n in range(60))


def upload(api: httpx.Client) -> httpx.Response:
    return api.post("/api/v1/datasets/rows/versions", content=table(), headers={"Content-Type": "text/csv"})


def begin(api: httpx.Client) -> None:
    assert api.post("/api/v1/datasets", json={"name": "rows"}).status_code == 201
    assert upload(api).status_code == 201


def objects_part(api: httpx.Client) -> dict[str, Any]:
    answer = api.get("/health")
    assert answer.status_code == 200, "jobs can be accepted"
    assert answer.json()["accepts_jobs"]
    part: dict[str, Any] = answer.json()["parts"]["objects"]
    return part


def is_told(api: httpx.Client) -> bool:
    part = objects_part(api)
    if part["status"] == "ok":
        return False
    assert part["status"] == "away"
    assert part["since"].endswith("Z")
    assert "jobs are accepted and running ones go on" in part["meaning"]
    return True


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with s3() as server:
        yield server


@pytest.fixture
def line(s3_server: S3Server) -> Iterator[Cable]:
    """The cable between the gateway and its S3 server."""
    with cable(int(s3_server.endpoint.rpartition(":")[2])) as found:
        yield found


@pytest.fixture
def s3_api(s3_server: S3Server, line: Cable, tmp_path: Path) -> Iterator[httpx.Client]:
    database = Database(f"sqlite:///{tmp_path}/tensorfleet.db")
    ensure_schema(database)
    database.close()
    through = f"s3://{s3_server.make_bucket()}/here?endpoint=http://127.0.0.1:{line.port}"
    with gateway(tmp_path, {"TENSORFLEET_OBJECT_STORE_URL": through, **s3_server.env()}) as api:
        begin(api)
        yield api


def test_s3_refuses_connections(s3_api: httpx.Client, line: Cable) -> None:
    line.cut()
    wait_until(lambda: "has been away since" in refused(upload(s3_api), 503)["detail"], "the breaker")
    began = time.monotonic()
    problem = refused(upload(s3_api), 503, "the object store has been away since", code="unavailable")
    assert "it is tried again at" in problem["detail"]
    assert time.monotonic() - began < 2, "generous: it is some milliseconds"
    assert is_told(s3_api)
    assert s3_api.post("/api/v1/jobs", json=JOB).status_code == 201
    line.mend()
    wait_until(lambda: upload(s3_api).status_code == 201, "an upload, without a restart")
    assert objects_part(s3_api)["status"] == "ok"


def test_s3_hangs(s3_api: httpx.Client, line: Cable) -> None:
    line.hold()
    with ThreadPoolExecutor(STUCK) as pool:
        stuck = [pool.submit(upload, s3_api) for _ in range(STUCK)]
        wait_until(lambda: is_told(s3_api), "health to notice")
        began = time.monotonic()
        for _ in range(5):
            assert s3_api.post("/api/v1/jobs", json=JOB).status_code == 201
        assert time.monotonic() - began < 5, "generous: uploads that hang do not hold up jobs"
        wait_until(
            lambda: "has been away since" in objects_part(s3_api)["detail"], "health to open the breaker"
        )
        began = time.monotonic()
        refused(upload(s3_api), 503, "the object store has been away since")
        assert time.monotonic() - began < 2
        assert {one.result().status_code for one in stuck} == {503}, "those that were stuck are not for ever"
    line.mend()
    wait_until(lambda: upload(s3_api).status_code == 201, "an upload, without a restart")


def test_the_folder_is_taken_away_and_put_back(own_platform: Platform, tmp_path: Path) -> None:
    folder, elsewhere = own_platform.home / "objects", own_platform.home / "elsewhere"
    enough = tmp_path / "enough"
    code = tmp_path / "code"
    code.mkdir()
    (code / "count.py").write_text(COUNT)
    with open_api(own_platform) as api:
        begin(api)
        spec = {"name": "count", "entrypoint": "count.py", "code": str(code)}
        running = own_platform.client.submit({**spec, "hyperparameters": {"enough": str(enough)}})
        wait_until(lambda: last_step(api, running.id) > 3, "the job to run")
        folder.rename(elsewhere)
        refused(upload(api), 503, "is not there; mount it, or put it back", code="unavailable")
        assert is_told(api)
        late = api.post("/api/v1/jobs", json=JOB)
        assert late.status_code == 201
        before = last_step(api, running.id)
        wait_until(lambda: last_step(api, running.id) > before + 10, "the running job to go on")
        late_id = late.json()["job_id"]
        wait_until(
            lambda: "is not there" in str(job(api, late_id)["reason"]), "the new job to say why it waits"
        )
        assert not folder.exists(), "an empty folder in its place would hide that it is away"
        elsewhere.rename(folder)
        wait_until(lambda: upload(api).status_code == 201, "an upload, without a restart")
        enough.touch()
        for job_id in (running.id, late_id):
            wait_until(
                lambda job_id=job_id: job(api, job_id)["status"] == "completed", f"the end of {job_id}"
            )
        assert job(api, running.id)["attempt"] == 1, "it was never interrupted"


def job(api: httpx.Client, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/v1/jobs/{job_id}").json()
    return found


def last_step(api: httpx.Client, job_id: str) -> int:
    """The newest step that the job has told."""
    series = api.get(f"/api/v1/jobs/{job_id}/metrics").json()["items"]
    return max((int(point["step"]) for one in series for point in one["points"]), default=0)
