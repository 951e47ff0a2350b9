"""Quotas of workspaces on a running platform: set by the command line and the API, held at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import tensorfleet
from tensorfleet.errors import NotFound, NotPermitted, OverQuota, SpecInvalid
from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform, wait_until

CODE = "import time\nwhile True:\n    time.sleep(0.1)\n"


@pytest.fixture
def workspace(platform: Platform) -> Iterator[str]:
    platform.client.access.add_workspace("narrow")
    yield "narrow"
    platform.client.jobs.cancel(workspace="narrow")
    for job in platform.client.jobs.list(workspace="narrow"):
        wait_until(lambda job=job: job.refresh().ended, f"the end of {job.id}")
        platform.client.transport.call("DELETE", f"/jobs/{job.id}")
    for dataset in platform.client.transport.pages("/datasets", {"workspace": "narrow"}):
        platform.client.transport.call(
            "DELETE", f"/datasets/{dataset['name']}", params={"workspace": "narrow"}
        )
    platform.client.access.delete_workspace("narrow")


def endless(platform: Platform, folder: Path, name: str) -> Job:
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(CODE)
    return platform.client.submit(name=name, entrypoint="main.py", code=str(folder), workspace="narrow")


def test_a_quota_holds_at_once_and_is_the_reason_that_is_told(
    platform: Platform, workspace: str, tmp_path: Path
) -> None:
    platform.cli("workspaces", "quota", workspace, "--set", "slots=1", "--set", "queued_jobs=1")
    first = endless(platform, tmp_path / "code", "first")
    wait_until(lambda: first.refresh().status == "running", "the first runs")
    second = endless(platform, tmp_path / "code", "second")
    why = second.why()
    assert why["code"] == "over_quota"
    assert "workspace narrow uses 1 of 1 slots of its quota" in why["reason"]
    with pytest.raises(OverQuota, match="1 jobs waiting"):
        endless(platform, tmp_path / "code", "third")
    with pytest.raises(
        SpecInvalid, match=r"resources\.workers: is 2, but the quota of workspace narrow is 1 slot"
    ):
        platform.client.submit(
            name="wide",
            algorithm="random_forest",
            dataset="iris",
            workspace=workspace,
            resources={"workers": 2},
        )
    used = json.loads(platform.cli("workspaces", "quota", workspace, "--json").stdout)["used"]
    assert (used["slots"], used["queued_jobs"], used["jobs_per_day"]) == (1, 1, 2)
    platform.client.access.set_quota(workspace, slots=2)
    wait_until(lambda: second.refresh().status == "running", "the second runs once there is more", 10)
    assert "no limit" in platform.cli("workspaces", "quota", workspace, "--reset").stdout


def test_datasets_of_a_workspace_have_room_together(
    platform: Platform, workspace: str, tmp_path: Path
) -> None:
    client = tensorfleet.Client(home=platform.home, workspace=workspace)
    client.access.set_quota(workspace, dataset_bytes="1kB")
    (tmp_path / "small.csv").write_text("a,b\n" + "1,2\n" * 100)
    (tmp_path / "large.csv").write_text("a,b\n" + "1,2\n" * 200)
    client.datasets.add(tmp_path / "small.csv")
    with pytest.raises(OverQuota, match=r"have 404 B and may have 1\.0 kB"):
        client.datasets.add(tmp_path / "large.csv")
    assert [one["name"] for one in client.datasets.list()] == ["small"]
    client.datasets.delete("small")
    client.datasets.add(tmp_path / "large.csv")
    client.close()


def test_only_administrators_of_the_platform_set_one(platform: Platform, workspace: str) -> None:
    access = platform.client.access
    access.add_user("narrow-admin", service=True)
    access.set_member(workspace, "narrow-admin", "admin")
    key = access.add_key("quota", user="narrow-admin")["key"]
    with tensorfleet.Client(platform.client.url, key) as theirs:
        assert theirs.access.quota(workspace)["source"] == "none"
        with pytest.raises(NotPermitted, match="platform:admin"):
            theirs.access.set_quota(workspace, slots=100)
        with pytest.raises(NotFound):
            theirs.access.quota("default")
    with pytest.raises(NotFound):
        access.set_quota("no-such", slots=1)
    access.delete_user("narrow-admin")
    (entry, *_) = platform.client.audit.list(action="workspaces.set_quota", limit=1)
    assert entry["target"]
