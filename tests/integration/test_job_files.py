"""What own code leaves where it runs, listed and downloaded: whatever it is called, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tensorfleet.errors import NotFound
from tensorfleet.sdk.jobs import Job
from tests.integration.api import as_written, open_api, refused
from tests.integration.platform import Platform
from tests.integration.scripts import submitting

SCRIPT = r"""
import os
os.makedirs("deep/er")
open("deep/er/a b?#%2F&.txt", "w").write("odd")
open("page.html", "w").write("<script>alert(1)</script>")
open("line\nbreak", "w").write("x")
open("back\\slash", "w").write("x")
open(b"\xff\xfe.bin", "wb").write(b"bytes")
open("empty", "w")
open("large", "wb").write(bytes(range(256)) * 70_000)
os.symlink("/etc/passwd", "link")
"""
LARGE = bytes(range(256)) * 70_000


@pytest.fixture(scope="module")
def job(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    with submitting(platform, tmp_path_factory.mktemp("code"), name="leaves-files") as submit:
        yield submit(SCRIPT).wait(60)


@pytest.fixture
def api(platform: Platform) -> Iterator[httpx.Client]:
    with open_api(platform) as client:
        yield client


def test_all_are_listed_by_names_that_can_be_shown(job: Job) -> None:
    found = {one["path"]: one["bytes"] for one in job.files()}
    assert found == {
        "deep/er/a b?#%2F&.txt": 3, "page.html": 25, "line\ufffdbreak": 1, "back\\slash": 1,
        "\ufffd\ufffd.bin": 5, "empty": 0, "large": len(LARGE),
    }  # fmt: skip


def test_each_comes_as_it_was_written(job: Job, platform: Platform, tmp_path: Path) -> None:
    wanted = [one["path"] for one in job.files() if "\\" not in one["path"]]
    job.download(tmp_path / "out", wanted)
    assert (tmp_path / "out" / "large").read_bytes() == LARGE, "longer than one part"
    assert (tmp_path / "out" / "deep" / "er" / "a b?#%2F&.txt").read_text() == "odd"
    assert (tmp_path / "out" / "\ufffd\ufffd.bin").read_bytes() == b"bytes"
    done = platform.cli("jobs", "files", job.id, "large", "--save", str(tmp_path / "cli"))
    assert done.stdout.strip() == str(tmp_path / "cli")
    listed = json.loads(platform.cli("jobs", "files", job.id, "large", "--json").stdout)
    assert listed[0]["sha256"] == hashlib.sha256((tmp_path / "cli" / "large").read_bytes()).hexdigest()


def test_a_name_that_no_folder_can_have_everywhere_is_refused_by_the_client(job: Job, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="back"):
        job.download(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_part_of_a_file_and_how_it_is_shown(job: Job, api: httpx.Client) -> None:
    path = f"/api/v1/jobs/{job.id}/files"
    middle = 16 * 1024**2
    answer = api.get(f"{path}/large", headers={"Range": f"bytes={middle - 2}-{middle + 1}"})
    assert answer.status_code == 206
    assert answer.content == LARGE[middle - 2 : middle + 2], "over the border of two parts"
    assert api.get(f"{path}/empty").content == b""
    page = api.get(f"{path}/page.html")
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["content-disposition"] == "attachment; filename*=UTF-8''page.html"
    assert page.headers["x-content-type-options"] == "nosniff"
    odd = api.get(f"{path}/line\ufffdbreak")
    assert odd.headers["content-disposition"].endswith("line%EF%BF%BDbreak")


@pytest.mark.parametrize(
    "name",
    [
        "link",
        "kept.json",
        "../kept.json",
        "%2e%2e/kept.json",
        "..%2f..%2ftoken",
        "%2fetc%2fpasswd",
        "a%00b",
        "",
    ],
)
def test_nothing_else_can_be_had(name: str, job: Job, api: httpx.Client) -> None:
    refused(as_written(api, "GET", f"/jobs/{job.id}/files/{name}"), 404)


def test_jobs_without_files(platform: Platform, api: httpx.Client) -> None:
    refused(api.get("/api/v1/jobs/j-0/files"), 404)
    done = platform.client.submit({"name": "none", "algorithm": "knn", "dataset": "iris"}).wait(60)
    assert done.files() == []
    with pytest.raises(NotFound, match="has kept no file 'x'"):
        done.download("unused", ["x"])


# ---- what is left when a job is deleted -------------------------------------------------------------------------------


def _stored(platform: Platform) -> set[str]:
    objects = platform.home / "objects"
    return {path.relative_to(objects).as_posix() for path in objects.rglob("*") if path.is_file()}


def _delete(api: httpx.Client, job: Job) -> None:
    assert api.delete(f"/api/v1/jobs/{job.id}").status_code == 204


SAVES = """
from tensorfleet import train
open("left", "w").write("x")
train.save({"a": 1}, step=1)
"""


def test_a_deleted_job_takes_along_what_only_it_has(
    platform: Platform, api: httpx.Client, tmp_path: Path
) -> None:
    before = _stored(platform)
    with submitting(platform, tmp_path, name="saves") as submit:
        job = submit(SAVES, name="saves").wait(60)
    fork = job.fork(1).wait(60)
    again = job.replay().wait(60)
    mine = {key for key in _stored(platform) - before if job.id in key}
    assert {key.split("/")[0] for key in mine} == {"files", "checkpoints"}
    provenance = f"provenance/{job.provenance()['digest']}.json"
    assert again.provenance()["digest"] in provenance

    _delete(api, job)
    assert not mine & _stored(platform)
    assert provenance in _stored(platform), "its replay has the same"
    assert fork.checkpoints()[0]["key"] in _stored(platform)
    refused(api.get(f"/api/v1/jobs/{job.id}/files"), 404)
    for one in (fork, again):
        _delete(api, one)
    left = {key.split("/")[0] for key in _stored(platform) - before}
    # The code may be submitted again, and MLflow has a life of its own.
    assert left <= {"blobs", "chunks", "mlflow"}


def test_a_registered_model_outlives_its_job_and_another_does_not(
    platform: Platform, api: httpx.Client
) -> None:
    spec = {"name": "kept", "algorithm": "knn", "dataset": "iris"}
    registered = platform.client.submit(spec | {"model_name": "outlives"}).wait(60)
    model, plain = registered.model, platform.client.submit(spec).wait(60)
    later = platform.client.submit(spec).wait(60)
    made = api.post("/api/v1/models", json={"name": "outlives", "job_id": later.id})
    assert made.status_code == 201, made.text
    for job in (registered, plain, later):
        _delete(api, job)
    left = {key.split("/")[1] for key in _stored(platform) if key.startswith("models/")}
    assert {registered.id, later.id} <= left
    assert plain.id not in left
    assert model.local_folder().is_dir()
