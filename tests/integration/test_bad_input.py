"""What cannot work is refused with a sentence that says what and where, and leaves nothing behind."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tensorfleet.errors import JobFailed, TensorFleetError
from tests.integration.api import as_written, open_api, refused, traces
from tests.integration.platform import CLI, Platform, running_platform, wait_until

GOOD = {"name": "good", "algorithm": "random_forest", "dataset": "iris"}


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[httpx.Client]:
    with open_api(platform) as client:
        assert client.get("/api/v1/datasets/iris/versions/latest").status_code in (200, 404)
        yield client


@pytest.fixture
def nothing_left(platform: Platform) -> Iterator[None]:
    """After the test the platform holds exactly what it held before."""
    before = traces(platform.home)
    yield
    assert traces(platform.home) == before


@pytest.fixture(scope="module", autouse=True)
def iris(platform: Platform) -> None:
    """The sample is added at its first use; here it is there already."""
    data = "a,b,label\n" + "".join(f"{n},{n % 7},{'xy'[n % 2]}\n" for n in range(60))
    with open_api(platform) as api:
        answer = api.post("/api/v1/datasets/mini/versions?format=csv", content=data)
        assert answer.status_code in (200, 201), answer.text
        submitted = api.post("/api/v1/jobs", json=GOOD).json()
    platform.client.jobs.get(submitted["job_id"]).wait(60)


# ---- jobs ----------------------------------------------------------------------------------------------------------------

BAD_JOBS: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "unknown algorithm": (GOOD | {"algorithm": "random_forrest"}, "algorithm", ("random_forest",)),
    "unknown field": (GOOD | {"algoritm": "x"}, "algoritm", ("did you mean 'algorithm'",)),
    "unknown nested field": (GOOD | {"resources": {"worker": 2}}, "resources.worker", ("'workers'",)),
    "unknown hyperparameter": (
        GOOD | {"hyperparameters": {"n_estimator": 5}},
        "hyperparameters.n_estimator",
        ("n_estimators",),
    ),
    "wrong hyperparameter": (
        GOOD | {"hyperparameters": {"n_estimators": "many"}},
        "hyperparameters.n_estimators",
        ("many",),
    ),
    "unknown dataset": (GOOD | {"dataset": "irys"}, "dataset", ("irys", "iris")),
    "unknown version": (GOOD | {"dataset": "iris@99"}, "dataset", ("99",)),
    "a dataset with a path": (GOOD | {"dataset": "../../etc/passwd"}, "dataset", ("etc/passwd",)),
    "unknown column": (GOOD | {"target_column": "specie"}, "target_column", ("specie",)),
    "a name of 10,000 characters": (GOOD | {"name": "n" * 10_000}, "name", ("100 characters",)),
    "a name with a NUL": (GOOD | {"name": "a\0b"}, "name", ("letters",)),
    "a name with a line": (GOOD | {"name": "a\nb"}, "name", ()),
    "no name": ({"algorithm": "random_forest", "dataset": "iris"}, "name", ("required",)),
    "name is a number": (GOOD | {"name": 5}, "name", ("string",)),
    "workers is text": (GOOD | {"resources": {"workers": "2"}}, "resources.workers", ("integer",)),
    "workers is true": (GOOD | {"resources": {"workers": True}}, "resources.workers", ("integer",)),
    "workers is 0": (GOOD | {"resources": {"workers": 0}}, "resources.workers", ("1",)),
    "too many workers": (
        GOOD | {"algorithm": "mlp", "resources": {"workers": 1000}},
        "resources.workers",
        ("1000", "more than this fleet can ever have"),
    ),
    "memory is a word": (GOOD | {"resources": {"memory": "lots"}}, "resources.memory", ("lots", "512MiB")),
    "memory is a list": (GOOD | {"resources": {"memory": [1]}}, "resources.memory", ()),
    "memory of all machines": (GOOD | {"resources": {"memory": "1000TiB"}}, "resources", ("GiB",)),
    "gpus that nobody has": (GOOD | {"resources": {"gpus": 64}}, "resources", ("GPUs",)),
    "cpus is infinite": (GOOD | {"resources": {"cpus": 1e400}}, "resources.cpus", ()),
    "timeout is a word": (GOOD | {"timeout": "soon"}, "timeout", ("soon", "90s")),
    "timeout is a mapping": (GOOD | {"timeout": {}}, "timeout", ()),
    "timeout is 0": (GOOD | {"timeout": 0}, "timeout", ()),
    "priority": (GOOD | {"priority": "urgent"}, "priority", ("high",)),
    "seed": (GOOD | {"seed": -1}, "seed", ("0",)),
    "labels are numbers": (GOOD | {"labels": {"a": 1}}, "labels.a", ("string",)),
    "algorithm and entrypoint": (GOOD | {"entrypoint": "train.py"}, "", ("not both",)),
    "code without digest": (
        {"name": "own", "entrypoint": "train.py", "code": {"digest": "0" * 64}},
        "code.digest",
        ("0000000000000000",),
    ),
    "code outside": (
        {"name": "own", "entrypoint": "../train.py", "code": {"digest": "0" * 64}},
        "entrypoint",
        ("../train.py",),
    ),
    "kind": (GOOD | {"kind": "trane"}, "kind", ("train",)),
    "half a character": (GOOD | {"labels": {"a": "\ud800"}}, "labels.a", ()),
    "NaN": (GOOD | {"resources": {"cpus": float("nan")}}, "resources.cpus", ()),
}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", BAD_JOBS)
def test_a_job_that_cannot_run(case: str, api: httpx.Client) -> None:
    body, field, words = BAD_JOBS[case]
    answer = api.post("/api/v1/jobs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    problem = refused(answer, 422, code="spec_invalid")
    error = next((error for error in problem["errors"] if error["field"] == field), None)
    assert error is not None, problem
    for word in words:
        assert word in error["message"], error
    assert len(problem["detail"]) < 500


BAD_BODIES = {
    "not JSON": (b"name: iris", 422, "not JSON"),
    "empty": (b"", 422, "not JSON"),
    "a list": (b"[1]", 422, "mapping"),
    "null": (b"null", 422, "mapping"),
    "not UTF-8": (b'{"name": "\xff"}', 422, "not JSON"),
    "cut off": (b'{"name": ', 422, "not JSON"),
    "nested": (b'{"name": ' + b"[" * 200_000, 422, "nested too deeply"),
    "nested hyperparameters": (
        b'{"name":"a","algorithm":"svm","dataset":"iris","hyperparameters":{"C":'
        + b"[" * 60
        + b"]" * 60
        + b"}}",
        422,
        "hyperparameters.C",
    ),
    "a huge number": (b'{"name": ' + b"9" * 5000 + b"}", 422, "not JSON"),
    "huge": (b'{"name": "' + b"n" * 3 * 1024**2 + b'"}', 413, "1 MiB"),
}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_is_no_job(case: str, api: httpx.Client) -> None:
    body, status, words = BAD_BODIES[case]
    refused(
        api.post("/api/v1/jobs", content=body, headers={"Content-Type": "application/json"}), status, words
    )


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/datasets", b"{"),
        ("POST", "/datasets", b'{"name": ' + b"[" * 100_000),
        ("POST", "/datasets", b'{"name": "../x"}'),
        ("POST", "/datasets", json.dumps({"name": "n" * 10_000}).encode()),
        ("POST", "/datasets", b'{"name": "x", "descripton": "y"}'),
        ("POST", "/datasets/mini/versions", b'{"upload_id": "../../token"}'),
        ("POST", "/datasets/mini/versions", b'{"upload_id": "u-0000000000000000"}'),
        ("POST", "/datasets/mini/versions", b"[]"),
        ("POST", "/code", b'{"upload_id": "../.."}'),
        ("POST", "/code", b'{"upload_id": 5}'),
        ("POST", "/models", b"{}"),
        ("POST", "/models", b'{"name": "m", "source_prefix": "../../token"}'),
        ("POST", "/models", b'{"name": "m", "job_id": "j-0"}'),
        ("PUT", "/models/none/aliases/best", b'{"version": 1}'),
        ("PUT", "/models/none/aliases/best", b'{"version": 99999999999999999999999}'),
        ("POST", "/fleet/scale", b'{"workers": 0}'),
        ("POST", "/fleet/scale", b'{"workers": 1025}'),
        ("POST", "/fleet/scale", b'{"workers": "4"}'),
        ("POST", "/fleet/scale", b'{"workers": 4, "machines": 1}'),
    ],
)
def test_other_bodies(method: str, path: str, body: bytes, api: httpx.Client) -> None:
    answer = api.request(method, f"/api/v1{path}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404, 409, 422), answer.text
    refused(answer, answer.status_code)


def test_a_huge_body_of_another_route(api: httpx.Client) -> None:
    body = b'{"name": "' + b"x" * 2 * 1024**2 + b'"}'
    refused(
        api.post("/api/v1/datasets", content=body, headers={"Content-Type": "application/json"}),
        413,
        "1 MiB",
        code="too_large",
    )


# ---- ids, cursors, headers -----------------------------------------------------------------------------------------------

HUGE = "9" * 30


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?cursor=x",
        "/jobs?cursor=%00",
        "/jobs?cursor=" + "A" * 5000,
        "/jobs?cursor=%e2%98%83",
        f"/jobs?cursor={_cursor('yesterday', 'j-0')}",
        f"/jobs?cursor={_cursor(5, 'j-0')}",
        f"/jobs?cursor={_cursor({}, [])}",
        f"/jobs?sort=name&cursor={_cursor({'a': 1}, 'j-0')}",
        f"/jobs?sort=name&cursor={_cursor(None, None)}",
        f"/jobs?sort=priority&cursor={_cursor(10**40, 'j-0')}",
        f"/jobs?cursor={_cursor('9999-12-31T23:59:59', 'j-0')}",
        "/jobs?sort=spec",
        "/jobs?sort=-",
        "/jobs?limit=0",
        "/jobs?limit=1001",
        "/jobs?limit=many",
        "/jobs?status=sleeping",
        "/jobs/j-0",
        "/jobs/%00",
        "/jobs/" + "j" * 5000,
        "/jobs/..%2f..%2ftoken",
        "/jobs/j-0/why",
        "/jobs/j-0/logs",
        "/jobs/j-0/events",
        "/jobs/j-0/metrics",
        "/jobs/j-0/tasks",
        "/jobs/j-0/checkpoints",
        "/jobs/j-0/stream",
        f"/jobs/{{job}}/logs?after={HUGE}",
        "/jobs/{job}/logs?after=-1",
        "/jobs/{job}/logs?tail=0",
        "/jobs/{job}/logs?rank=x",
        "/jobs/{job}/metrics?points=0",
        f"/jobs/{{job}}/events?after={HUGE}",
        f"/jobs/{{job}}/stream?after={HUGE}",
        f"/events?after={HUGE}",
        "/workers/%00",
        "/workers/..%2f..",
        "/datasets/none",
        "/datasets/none/versions",
        "/datasets/..%2f..%2ftoken",
        "/datasets/mini/versions/0",
        f"/datasets/mini/versions/{HUGE}",
        "/datasets/mini/versions/-1",
        "/datasets/mini/versions/x/download",
        f"/datasets/mini/versions?cursor={HUGE}",
        "/datasets/mini/versions?cursor=x",
        "/models/none",
        "/models/none/versions/1",
        f"/models/none/versions/{HUGE}",
        "/models/%00/versions/1",
        "/models/" + "m" * 5000,
        "/uploads/..",
        "/uploads/%2e%2e",
        "/uploads/..%2f..%2ftoken",
        "/uploads/u-0000000000000000",
        "/download/token/x",
        "/download/models/../token",
        "/download/models/%2e%2e/%2e%2e/token",
        "/download/models/..%2f..%2ftoken",
        "/download/models/%2fetc%2fpasswd",
        "/download/models/a%00b",
        "/download/models/" + "a" * 5000,
        "/download/models/",
        "/download/logs/..%2f..%2ftoken",
        "/download/checkpoints/none/x",
        "/download/%2e%2e/token",
        "/nothing",
    ],
)
def test_hostile_paths(path: str, api: httpx.Client) -> None:
    job = api.get("/api/v1/jobs?limit=1").json()["items"][0]["job_id"]
    answer = as_written(api, "GET", path.replace("{job}", job))
    assert answer.status_code in (400, 404, 413, 414, 422), (answer.status_code, answer.text[:500])
    refused(answer, answer.status_code)


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 40, "", "١٢", "1; DROP TABLE events"])
def test_a_last_event_id_that_is_none(last: str, api: httpx.Client) -> None:
    for path in ("/api/v1/events", f"/api/v1/jobs/{_any_job(api)}/stream"):
        answer = api.get(path, headers={b"Last-Event-ID": last.encode()})
        refused(answer, 422, "Last-Event-ID")


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=5-2", "bytes=" + "9" * 15 + "-"])
def test_a_range_outside(wanted: str, api: httpx.Client) -> None:
    for path in ("datasets/mini@1", f"logs/{_any_job(api)}"):
        answer = api.get(f"/api/v1/download/{path}", headers={"Range": wanted}, follow_redirects=True)
        assert answer.status_code == 416
        assert answer.headers["content-range"].startswith("bytes */")


@pytest.mark.parametrize(
    "wanted", ["bytes=-", "bytes=a-b", "lines=1-2", "bytes=" + "9" * 60 + "-", "bytes=0-1,3-4"]
)
def test_a_range_that_is_none(wanted: str, api: httpx.Client) -> None:
    """RFC 9110: a server ignores what it does not understand, or refuses it; it never fails."""
    for path in ("datasets/mini@1", f"logs/{_any_job(api)}"):
        answer = api.get(f"/api/v1/download/{path}", headers={"Range": wanted}, follow_redirects=True)
        assert answer.status_code in (200, 416, 422), answer.text


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("key", ["", "k" * 201])
def test_an_idempotency_key_that_cannot_be(key: str, api: httpx.Client) -> None:
    answer = api.post("/api/v1/jobs", json=GOOD, headers={"Idempotency-Key": key})
    refused(answer, 422, "Idempotency-Key")


def _any_job(api: httpx.Client) -> str:
    return str(api.get("/api/v1/jobs?status=completed&limit=1").json()["items"][0]["job_id"])


# ---- datasets and uploads ------------------------------------------------------------------------------------------------

ROWS = b"a,b,label\n" + b"".join(b"%d,%d,x\n" % (n, n) for n in range(100))
BAD_FILES = {
    "ragged": (ROWS + b"1,2\n" + ROWS[10:], "csv", ("102",)),
    "ragged, too long": (ROWS + b"1,2,x,4\n", "csv", ("102",)),
    "empty": (b"", "csv", ("empty",)),
    "a header only": (b"a,b,label\n", "csv", ("row",)),
    "wrong encoding": ("a,b,label\n1,2,caf\u00e9\n".encode("latin-1") * 3, "csv", ("UTF-8",)),
    "UTF-16": (ROWS.decode().encode("utf-16"), "csv", ()),
    "NUL": (ROWS + b"1,\0,x\n", "csv", ("NUL", "102")),
    "an open quote": (ROWS + b'1,"2,x\n', "csv", ()),
    "two columns of one name": (b"a,a\n1,2\n", "csv", ("a",)),
    "not Parquet": (ROWS, "parquet", ("Parquet",)),
    "Parquet, cut off": (b"PAR1" + b"\0" * 100, "parquet", ("Parquet",)),
    "Parquet with a lying footer": (b"PAR1" + b"\0" * 64 + b"\xff\xff\xff\x7fPAR1", "parquet", ("Parquet",)),
}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", BAD_FILES)
@pytest.mark.parametrize("name", ["mini", "never-seen"])
def test_a_file_that_is_no_table(case: str, name: str, api: httpx.Client) -> None:
    data, file_format, words = BAD_FILES[case]
    answer = api.post(f"/api/v1/datasets/{name}/versions?format={file_format}", content=data)
    refused(answer, 422, *words, code="data_invalid")


@pytest.mark.usefixtures("nothing_left")
def test_a_file_that_is_no_table_through_an_upload(api: httpx.Client) -> None:
    upload = api.post("/api/v1/uploads").json()["upload_id"]
    data = BAD_FILES["ragged"][0]
    assert api.put(f"/api/v1/uploads/{upload}/chunks/0", content=data).status_code == 200
    body = {"upload_id": upload, "format": "csv"}
    refused(api.post("/api/v1/datasets/never-seen/versions", json=body), 422, "102", code="data_invalid")


@pytest.mark.usefixtures("nothing_left")
def test_a_target_that_is_no_column(api: httpx.Client) -> None:
    answer = api.post("/api/v1/datasets/mini/versions?format=csv&target=lable", content=ROWS)
    refused(answer, 422, "lable", "label")


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    "name", ["..", "%2e%2e", "a%2f..%2fb", "%00", "n" * 300, "a%0ab", "-x", "%20", "a%5cb", "iris@2"]
)
def test_a_dataset_name_that_cannot_be(name: str, api: httpx.Client) -> None:
    answer = as_written(api, "POST", f"/datasets/{name}/versions?format=csv", ROWS)
    assert answer.status_code in (404, 405, 422), answer.text
    refused(answer, answer.status_code)


@pytest.mark.usefixtures("nothing_left")
def test_chunks_that_do_not_belong(api: httpx.Client) -> None:
    upload = api.post("/api/v1/uploads").json()["upload_id"]
    path = f"/api/v1/uploads/{upload}/chunks"
    for index in ("-1", HUGE, "99999999999", "x", "1.5", "..", "%2e%2e%2ftoken", "0%00"):
        answer = as_written(api, "PUT", f"/uploads/{upload}/chunks/{index}", b"data")
        assert answer.status_code in (404, 405, 413, 422), (index, answer.text)
        refused(answer, answer.status_code)
    refused(api.put(f"{path}/0", content=b"data", headers={"X-Content-SHA256": "0" * 64}), 422, "chunk 0")
    refused(api.put(f"{path}/0", content=b""), 422)
    refused(api.put(f"{path}/0", content=b"x" * (9 * 1024**2)), 413, "chunk 0")
    refused(api.put("/api/v1/uploads/u-0000000000000000/chunks/0", content=b"data"), 404)
    refused(api.put("/api/v1/uploads/..%2f..%2fx/chunks/0", content=b"data"), 404)
    body = {"upload_id": upload, "format": "csv"}
    refused(api.post("/api/v1/datasets/mini/versions", json=body), 422)
    api.delete(f"/api/v1/uploads/{upload}")


@pytest.mark.usefixtures("nothing_left")
def test_a_hole_in_an_upload(api: httpx.Client) -> None:
    upload = api.post("/api/v1/uploads").json()["upload_id"]
    assert api.put(f"/api/v1/uploads/{upload}/chunks/1", content=ROWS).status_code == 200
    body = {"upload_id": upload, "format": "csv"}
    refused(api.post("/api/v1/datasets/mini/versions", json=body), 409, "chunk 0")
    assert api.get(f"/api/v1/uploads/{upload}").json()["chunks"].keys() == {"1"}, "and can be mended"
    assert api.delete(f"/api/v1/uploads/{upload}").status_code == 204


@pytest.mark.usefixtures("nothing_left")
def test_a_connection_that_breaks_during_an_upload(platform: Platform, api: httpx.Client) -> None:
    host, port = api.base_url.host, api.base_url.port
    before = traces(platform.home)
    with socket.create_connection((host, port or 80)) as raw:
        token = api.headers["Authorization"]
        head = (
            f"POST /api/v1/datasets/mini/versions?format=csv HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
            "Content-Type: text/csv\r\nContent-Length: 50000000\r\n\r\n"
        )
        raw.sendall(head.encode() + ROWS * 12_000)
        wait_until(lambda: traces(platform.home) != before, "a part to be there")
    wait_until(lambda: traces(platform.home) == before, "the part to be gone")
    assert api.get("/health/live").status_code == 200


def test_a_target_with_one_class(platform: Platform, api: httpx.Client) -> None:
    answer = api.post("/api/v1/datasets/one-class/versions?format=csv&target=label", content=ROWS)
    assert answer.status_code in (200, 201)
    before = traces(platform.home)
    job = platform.client.submit(GOOD | {"dataset": "one-class", "model_name": "one-class"})
    with pytest.raises(JobFailed, match="one class"):
        job.wait(60)
    assert job.data["error"]["class"] == "data"
    assert "'label'" in job.data["error"]["message"]
    assert job.data["attempt"] == 1, "the same data would fail again"
    left = traces(platform.home)["objects"] - before["objects"]
    # What it was made of is known of a job that failed too; nothing else is left of it.
    assert [path.split("/")[1] for path in left] == ["provenance"]
    assert api.get("/api/v1/models/one-class").status_code == 404


# ---- a full disk ---------------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_during_an_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        monkeypatch.setenv("TENSORFLEET_OBJECT_STORE_URL", f"file://{disk}")
        with running_platform(tmp_path / "home", workers=1) as platform, open_api(platform) as api:
            rows = b"a,b,label\n" + b"".join(b"%d,%d,x\n" % (n, n) for n in range(2_400_000))
            answer = api.post("/api/v1/datasets/big/versions?format=csv", content=rows)
            refused(answer, 507, "space", code="storage_full")
            assert [path for path in disk.rglob("*") if path.is_file()] == [], "no part of it is left"
            assert api.get("/api/v1/datasets/big").status_code == 404

            file = tmp_path / "big.csv"
            file.write_bytes(rows)
            failed = platform.cli("datasets", "add", str(file), check=False)
            assert failed.returncode == 1
            assert _sentence(failed), failed.stderr
            assert "space" in failed.stderr

            small = api.post("/api/v1/datasets/small/versions?format=csv", content=ROWS)
            assert small.status_code == 201, "what fits is taken"


# ---- the command line ----------------------------------------------------------------------------------------------------


def _sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The error that a command ended with: one line on stderr, no traceback, nothing on stdout."""
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: "), done.stderr
    return last.removeprefix("Error: ")


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
FILE = "name: x\nalgorithm: random_forest\ndataset: iris\n"
BAD_JOB_FILES = {
    "bomb": (BOMB, ()),
    "duplicate": (FILE + "seed: 1\nseed: 2\n", ("line 5", "seed", "twice")),
    "nested duplicate": (FILE + "resources: {cpus: 1, cpus: 2}\n", ("line 4", "cpus", "twice")),
    "recursive": ("name: &a [*a]\n", ()),
    "python": (FILE + "labels: !!python/object/apply:os.system ['true']\n", ("line 4",)),
    "not YAML": ("name: [\n", ("line",)),
    "empty": ("", ("mapping",)),
    "a list": ("- name\n", ("mapping",)),
    "deep": ("name: " + "[" * 5000, ()),
    "NUL": ("name: a\0b\n", ()),
    "latin-1": ("name: caf\udce9\n", ("UTF-8",)),
    "huge": ("# " + "x" * 2 * 1024**2, ("1 MiB",)),
    "unknown field": (FILE + "algoritm: x\n", ("line 4", "algoritm", "algorithm")),
    "unknown algorithm": (FILE.replace("forest", "forrest"), ("line 2", "random_forest")),
    "infinite": (FILE + "hyperparameters: {n_estimators: .inf}\n", ("n_estimators",)),
}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", BAD_JOB_FILES)
def test_job_files(case: str, platform: Platform, tmp_path: Path) -> None:
    text, words = BAD_JOB_FILES[case]
    path = tmp_path / "job.yaml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(TensorFleetError) as caught:
        platform.client.submit(path)
    sentences = [str(caught.value)]
    if case in ("bomb", "nested duplicate", "deep", "unknown algorithm"):
        done = platform.cli("submit", str(path), check=False)
        assert done.returncode == 1
        sentences.append(_sentence(done))
    for sentence in sentences:
        for word in ("job.yaml", *words):
            assert word in sentence
        assert len(sentence) < 600


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("submit", "none.yaml"), 1, ("none.yaml",)),
        (("submit",), 2, ()),
        (("submit", "none.yaml", "--set", "seed"), 2, ("KEY=VALUE",)),
        (("frobnicate",), 2, ("frobnicate",)),
        (("jobs", "show", "none"), 1, ("none",)),
        (("jobs", "cancel", "../x"), 1, ("../x",)),
        (("workers", "scale", "0"), 2, ()),
        (("workers", "scale", "many"), 2, ("integer",)),
        (("workers", "drain", "none"), 1, ("none",)),
        (("datasets", "add", "none.csv"), 1, ("none.csv",)),
        (("datasets", "show", "none"), 1, ("none",)),
        (("models", "show", "none"), 1, ("none",)),
        (("up", "--workers", "0"), 1, ("workers",)),
        (("up", "--port", "99999"), 1, ("port",)),
    ],
)
def test_commands(arguments: tuple[str, ...], code: int, words: tuple[str, ...], platform: Platform) -> None:
    done = platform.cli(*arguments, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_a_second_up_on_the_same_home(platform: Platform) -> None:
    for detach in ((), ("--detach",)):
        done = platform.cli("up", "--port", "0", *detach, check=False)
        assert done.returncode == 1
        assert "already runs on this home" in _sentence(done)
        assert str(platform.supervisor.pid) in done.stderr
    assert platform.client.health()["status"] == "ok", "the first goes on"


@pytest.mark.parametrize("detach", [(), ("--detach",)], ids=["foreground", "detached"])
def test_a_taken_port(detach: tuple[str, ...], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [CLI, "up", "--port", port, "--home", str(tmp_path / "home"), *detach],
            env={key: value for key, value in os.environ.items() if key != "TENSORFLEET_HOME"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    sentence = _sentence(done)
    assert port in sentence
    assert "--port" in sentence
    left = {path.name for path in (tmp_path / "home").iterdir()}
    assert left <= {"token", "run", "logs"}, "no address of a platform that is not there"


def test_a_home_that_cannot_be_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for home in (file, file / "below"):
        done = subprocess.run(
            [CLI, "up", "--port", "0", "--home", str(home)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert "file" in _sentence(done)
