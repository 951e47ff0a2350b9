"""The catalogue on a fleet: a forest and folds on two workers, an evaluation by API and command line, what needs no target."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tensorfleet.errors import JobFailed, NotFound, SpecInvalid
from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform


def files_of(job: Job) -> dict[str, str]:
    """What the job's model consists of, by digest."""
    return {file["path"]: file["sha256"] for file in job.model.files}


def test_two_workers_give_the_forest_of_one(platform: Platform) -> None:
    fields: dict[str, Any] = {
        "algorithm": "random_forest",
        "dataset": "breast_cancer",
        "hyperparameters": {"n_estimators": 20},
        "evaluation": {"folds": 3},
    }
    jobs = [
        platform.client.submit(name=f"forest-{workers}", model_name=f"forest-{workers}", resources={"workers": workers}, **fields)
        for workers in (1, 2)
    ]  # fmt: skip
    one, two = (job.wait(90) for job in jobs)
    assert two.evaluation()["evaluation"] == one.evaluation()["evaluation"]
    assert two.data["metrics"] == one.data["metrics"]
    assert files_of(two)["model.skops"] == files_of(one)["model.skops"]
    found = one.evaluation()["evaluation"]
    assert found["cross_validation"]["folds"] == 3
    assert found["split"]["rows"] == {"train": 455, "validation": 0, "test": 114}
    assert found["details"]["importance"]["by"] == "impurity"
    assert found["details"]["curves"][0]["auc"] > 0.95
    assert "details" not in one.refresh().data["evaluation"]
    assert one.data["evaluation"]["split"] == found["split"]


def test_clusters_of_a_sample(platform: Platform) -> None:
    job = platform.client.submit(
        name="clusters",
        algorithm="kmeans",
        dataset="iris",
        model_name="clusters",
        hyperparameters={"n_clusters": 3},
    ).wait(60)
    assert job.data["metrics"]["adjusted_rand"] > 0.5
    assert job.model.predict([[5.1, 3.5, 1.4, 0.2]]).shape == (1,)
    shown = platform.cli("jobs", "evaluation", job.id, "--json")
    assert len(json.loads(shown.stdout)["evaluation"]["clusters"]) == 3


def test_what_cannot_be_measured_is_told(platform: Platform) -> None:
    with pytest.raises(SpecInvalid, match="kmeans is not cross-validated"):
        platform.client.submit(name="x", algorithm="kmeans", dataset="iris", evaluation={"folds": 3})
    with pytest.raises(SpecInvalid, match="knn trains on one"):
        platform.client.submit(name="x", algorithm="knn", dataset="iris", resources={"workers": 2})
    job = platform.client.submit(
        name="split", algorithm="knn", dataset="iris", split={"by": "group", "column": "specie"}
    )
    with pytest.raises(JobFailed, match="has no column 'specie'; did you mean 'species'"):
        job.wait(60)
    with pytest.raises(NotFound, match="has no evaluation"):
        job.evaluation()
