"""A study on a running platform: kill -9 of a task, of the tuner, of everything; no trial is lost, none runs twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import tensorfleet
from tensorfleet.sdk.studies import Study
from tests.integration.api import open_api, refused
from tests.integration.platform import Platform, wait_until
from tests.integration.studies import through_disasters

TRIALS = 8
STEPS = 12
SCRIPT = f"""
import time
from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tensorfleet import train

params = train.params()
saved = train.restore()
first = saved["step"] + 1 if saved else 1
for step in range(first, {STEPS} + 1):
    train.report(step=step, C=params["C"])
    train.save({{"step": step}}, step=step)
    time.sleep(0.05)
X, y = load_wine(return_X_y=True)
model = make_pipeline(StandardScaler(), SVC(C=params["C"], kernel=params["kernel"]))
train.report(step={STEPS} + 1, accuracy=float(cross_val_score(model, X, y, cv=3).mean()))
"""
TUNE = {
    "space": {"C": {"float": [0.001, 100], "log": True}, "kernel": {"choice": ["rbf", "linear"]}},
    "objective": {"metric": "accuracy", "direction": "maximize"},
    "trials": TRIALS,
    "parallel": 2,
    "seed": 5,
}


@pytest.fixture
def slow_study(tmp_path: Path) -> dict[str, Any]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "svm.py").write_text(SCRIPT)
    return {"name": "wine", "entrypoint": "svm.py", "code": str(code), "tune": TUNE}


def test_no_trial_is_lost_or_run_twice(tmp_path: Path, slow_study: dict[str, Any]) -> None:
    with through_disasters(tmp_path / "home", slow_study, first=1, then=4) as (client, study, before):
        check_whole(client, study, before)


def check_whole(client: tensorfleet.Client, study: Study, before: list[dict[str, Any]]) -> None:
    trials = study.trials()
    assert [trial["number"] for trial in trials] == list(range(TRIALS))
    assert {trial["state"] for trial in trials} == {"completed"}
    assert [trials[trial["number"]] for trial in before] == before, "what had ended stays as it was"
    jobs = {job.id: job for job in client.jobs.list(kind="train", limit=None)}
    assert sorted(jobs) == sorted(trial["job_id"] for trial in trials), "each trial is one job"
    again = 0
    for trial in trials:
        job = jobs[trial["job_id"]]
        kinds = [event.kind for event in job.events()]
        assert kinds.count("job.completed") == 1
        again += kinds.count("job.started") > 1
        points = job.metrics()["C"]
        assert [point.step for point in points] == list(range(1, STEPS + 1))
        assert {point.value for point in points} == {trial["params"]["C"]}, "with the same parameters"
        assert job.data["study"] == {"id": study.id, "trial": trial["number"]}
    assert again >= 1, "one was killed, and went on"
    kinds = [event.kind for event in study.events()]
    assert kinds.count("trial.completed") == TRIALS
    assert kinds.count("job.completed") == 1
    assert study.best["value"] == max(trial["value"] for trial in trials)


def page_example() -> dict[str, Any]:
    """The first job file of the page on tuning."""
    page = (Path(__file__).parents[2] / "docs" / "tuning.md").read_text()
    found: dict[str, Any] = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    return found


def test_the_pages_example_registers_its_best_model(platform: Platform) -> None:
    spec = page_example()
    spec |= {"name": "tuned", "model_name": "tuned-wine", "tune": {**spec["tune"], "trials": 6}}
    study = platform.client.tune(spec).wait(timeout=60)

    model = study.model
    best = study.best
    assert (model.name, model.version) == ("tuned-wine", 1)
    wait_until(lambda: platform.client.models.get("tuned-wine", "best").version == 1, "the alias")
    assert len(platform.client.models.versions("tuned-wine")) == 1, "the other trials have no version"
    assert study.data["metrics"]["accuracy"] == best["value"]

    importance = study.importance()
    assert {one["name"] for one in importance} == {"C", "kernel"}
    assert sum(one["importance"] for one in importance) == pytest.approx(1.0)
    history = study.history()
    assert len(history) == 6
    assert history[-1]["best"] == best["value"]
    assert len(study.parallel()["lines"]) == 6
    shown = platform.cli("studies", "show", "tuned").stdout
    assert "6 completed of 6" in shown
    assert "tuned-wine@1" in shown
    assert study.id in platform.cli("studies", "list").stdout
    with open_api(platform) as api:
        assert len(api.get(f"/api/v1/jobs/{study.id}/trials").json()["items"]) == 6
        refused(api.get(f"/api/v1/studies/{best['job_id']}"), 404, "is no study", code="not_found")
        bad = {**spec, "tune": {**spec["tune"], "space": {"C": {"float": [-1, 1]}}}}
        problem = refused(api.post("/api/v1/jobs", json=bad), 422, "greater than 0")
        assert problem["errors"][0]["field"] == "tune.space.C"


def test_a_study_is_cancelled_by_the_command_line(platform: Platform, slow_study: dict[str, Any]) -> None:
    slow_study["tune"] = {**TUNE, "trials": 100}
    study = platform.client.tune(slow_study)
    wait_until(platform.task_pids, "a running trial")
    platform.cli("studies", "cancel", study.id)
    wait_until(lambda: study.refresh().status == "cancelled", "its end")
    open_jobs = [
        trial["job_id"]
        for trial in study.trials()
        if not wait_until(lambda: platform.client.jobs.get(trial["job_id"]).ended, "the trials' ends")  # noqa: B023
    ]
    assert open_jobs == []
    assert {trial["state"] for trial in study.trials()} <= {"completed", "cancelled"}


QUALITIES = [0.9, 0.91, 0.92, 0.93, 0.94, 0.1, 0.11]  # the grid with seed 19 comes to the bad ones last
SLOW_SCRIPT = """
import time
from tensorfleet import train

for step in range(1, 101):
    train.report(step=step, accuracy=train.params()["quality"])
    time.sleep(0.005 if train.params()["quality"] > 0.5 else 0.1)
"""


def test_bad_trials_are_pruned_while_they_run(platform: Platform, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "slow.py").write_text(SLOW_SCRIPT)
    tune = {
        "space": {"quality": {"choice": QUALITIES}},
        "objective": {"metric": "accuracy", "direction": "maximize"},
        "sampler": "grid",
        "seed": 19,
        "pruner": "median",
        "parallel": 2,
    }
    spec = {"name": "pruned", "entrypoint": "slow.py", "code": str(code), "tune": tune}
    study = platform.client.tune(spec).wait(timeout=60)
    pruned = [trial for trial in study.trials() if trial["state"] == "pruned"]
    assert [trial["params"]["quality"] for trial in pruned if trial["value"] > 0.5] == []
    assert {0.1, 0.11} == {trial["params"]["quality"] for trial in pruned}
    assert study.summary()["counts"]["cancelled"] == 0
    for trial in pruned:
        job = platform.client.jobs.get(trial["job_id"])
        wait_until(lambda: job.refresh().status == "cancelled", "the end of its job")  # noqa: B023
        assert len(job.metrics()["accuracy"]) < 100
