"""What jobs were made of; replayed, they make the same files bit for bit; a diff names what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tensorfleet.sdk.jobs import Job
from tests.integration.api import open_api, refused
from tests.integration.platform import Platform

RECIPES: dict[str, dict[str, Any]] = {
    "forest": {"algorithm": "random_forest", "hyperparameters": {"n_estimators": 20}},
    "boosting": {"algorithm": "gradient_boosting", "hyperparameters": {"n_estimators": 10}},
    "sgd": {"algorithm": "sgd", "hyperparameters": {"epochs": 5}},
    "mlp": {"algorithm": "mlp", "hyperparameters": {"hidden": [16], "epochs": 3, "dropout": 0.1}},
    "mlp on two": {
        "algorithm": "mlp",
        "hyperparameters": {"hidden": [16], "epochs": 3},
        "resources": {"workers": 2},
    },
}
OWN = """
import sys, torch
from tensorfleet import train
torch.manual_seed(train.params()["number"])
weights = torch.randn(50)
torch.save(weights, "weights.pt")
train.report(step=1, total=weights.sum())
"""


def changed_parts(found: dict[str, Any]) -> list[str]:
    return [one["part"] for one in found["changed"]]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_replay_is_bit_equal(recipe: str, platform: Platform) -> None:
    job = platform.client.submit({"name": "recipe", "dataset": "wine", "seed": 5, **RECIPES[recipe]}).wait(60)
    again = job.replay().wait(60)
    found = job.diff(again)
    assert found["bit_equal"] is True, found["files"]
    assert len(found["files"]) >= 3
    assert found["changed"] == []
    assert all(one["change"] == 0 for one in found["metrics"].values())
    assert again.provenance()["replay_of"] == job.id
    assert again.provenance()["digest"] == job.provenance()["digest"], "made of the same things"


@pytest.fixture(scope="module")
def own(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("code")
    (folder / "main.py").write_text(OWN)
    spec = {"name": "own", "entrypoint": "main.py", "code": str(folder), "hyperparameters": {"number": 3}}
    return platform.client.submit(spec).wait(60)


def test_own_code_is_compared_by_what_it_wrote(own: Job, platform: Platform) -> None:
    done = platform.cli("jobs", "replay", own.id)
    assert "Bit-equal: all 1 files are the same." in done.stdout
    again = platform.client.jobs.get(done.stdout.split()[0])
    other = platform.client.submit({**_spec_of(own), "hyperparameters": {"number": 4}}).wait(60)
    found = own.diff(other)
    assert changed_parts(found) == ["hyperparameters"]
    assert found["bit_equal"] is False
    told = platform.cli("jobs", "diff", again.id, other.id).stdout
    assert "number: 3 -> 4" in told
    assert "metric total:" in told


def _spec_of(job: Job) -> dict[str, Any]:
    return {name: value for name, value in job.data["spec"].items() if value is not None}


def test_what_a_job_was_made_of(own: Job, platform: Platform) -> None:
    found = json.loads(platform.cli("jobs", "provenance", own.id, "--json").stdout)
    document = found["document"]
    assert document["code"]["digest"] == own.data["spec"]["code"]["digest"]
    assert any(one.startswith("torch==") for one in document["environment"]["packages"])
    assert document["machine"]["cores"] >= 1
    assert document["seed"] == 7
    stored = platform.home / "objects" / "provenance" / f"{found['digest']}.json"
    assert json.loads(stored.read_bytes()) == document
    assert "torch" not in platform.cli("jobs", "provenance", own.id).stdout, "the packages are many"


def test_a_job_that_failed_has_said_what_it_was(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import os\nos._exit(3)\n")
    job = platform.client.submit({"name": "fails", "entrypoint": "main.py", "code": str(tmp_path)})
    with pytest.raises(Exception, match="code 3"):
        job.wait(60)
    assert job.provenance()["document"]["environment"]["python"]


def test_the_version_of_the_data_stays_when_a_newer_one_comes(platform: Platform) -> None:
    rows = "a,b,label\n" + "".join(f"{n},{n % 7},{'xy'[n % 2]}\n" for n in range(60))
    with open_api(platform) as api:
        for last in ("", "99,3,x\n"):
            _add(api, rows + last)
            if not last:
                job = platform.client.submit(
                    {"name": "old", "algorithm": "decision_tree", "dataset": "prov-mini"}
                ).wait(60)
    newer = platform.client.submit(_spec_of(job)).wait(60)
    again = job.replay().wait(60)
    assert changed_parts(job.diff(newer)) == ["dataset"]
    assert job.diff(again)["bit_equal"] is True
    assert again.data["dataset"]["version"] == 1


def _add(api: httpx.Client, rows: str) -> None:
    answer = api.post("/api/v1/datasets/prov-mini/versions?format=csv", content=rows)
    assert answer.status_code in (200, 201), answer.text


def test_what_cannot_be_replayed_is_refused(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import time\ntime.sleep(600)\n")
    job = platform.client.submit({"name": "runs", "entrypoint": "main.py", "code": str(tmp_path)})
    with open_api(platform) as api:
        refused(api.post(f"/api/v1/jobs/{job.id}/replay"), 409, "when it has ended")
        refused(api.post("/api/v1/jobs/j-0/replay"), 404)
        refused(api.get(f"/api/v1/jobs/{job.id}/diff/j-0"), 404)
        refused(api.get("/api/v1/jobs/j-0/provenance"), 404)
    job.cancel()
