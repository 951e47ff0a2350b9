"""A population on a running platform: members copy the better ones; whatever is killed, each leg is trained once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorfleet
from tensorfleet.sdk.studies import Study
from tests.integration.platform import Platform, wait_until
from tests.integration.studies import through_disasters

# Two that learn and two that hardly do, and steps small enough that those which are copied get somewhere.
POPULATION = {"size": 4, "generations": 3, "perturbation_interval": 2}
DIGITS = {
    "name": "digits-pbt",
    "kind": "tune",
    "algorithm": "mlp",
    "dataset": "digits",
    "model_name": "digits-pbt",
    "hyperparameters": {"hidden": [32]},
    "tune": {
        "space": {"learning_rate": {"float": [1e-6, 0.1], "log": True}},
        "objective": {"metric": "accuracy", "direction": "maximize"},
        "sampler": "pbt",
        "population": POPULATION,
        "parallel": 2,
        "seed": 3,
    },
}


def test_a_population_learns_digits(platform: Platform) -> None:
    study = platform.client.tune(DIGITS).wait(timeout=120)
    found = study.lineage()
    assert [(one["generation"], one["member"]) for one in found] == [
        (generation, member) for generation in range(3) for member in range(4)
    ]
    copied = [one for one in found if one["copied"]]
    assert len(copied) == 2, "one of four after each generation but the last"
    for one in copied:
        source, before = found[one["parent"]], [t for t in found if t["generation"] == one["generation"] - 1]
        assert source["value"] == max(other["value"] for other in before)
        assert found[before[one["member"]]["number"]]["value"] == min(other["value"] for other in before)
        assert one["changes"]["learning_rate"] == [
            source["params"]["learning_rate"], one["params"]["learning_rate"]
        ]  # fmt: skip
        assert one["value"] > 0.5, "with the weights of one that had learned"
        job = platform.client.jobs.get(one["job_id"])
        fork = next(event for event in job.events() if event.kind == "job.forked")
        assert fork.data["job_id"] == source["job_id"]
        first = 2 * one["generation"] + 1
        assert [point.step for point in job.metrics()["accuracy"]] == [first, first + 1]
    assert min(one["value"] for one in found[:4]) < 0.5, "else nothing had to be copied"
    assert study.best["value"] > 0.9
    assert study.model.version == 1
    table = platform.cli("studies", "lineage", study.id).stdout
    assert table.count("copy of") == 2
    listed = platform.cli("jobs", "list", "--study", study.id, "--limit", "100").stdout.splitlines()
    assert len(listed) == 1 + 12


SCRIPT = """
import time
from tensorfleet import train

state = train.restore() or {"step": 0, "level": 0.0}
for step in range(state["step"] + 1, 13):
    state = {"step": step, "level": state["level"] + train.params()["gain"]}
    train.report(step=step, level=state["level"])
    train.save(state, step=step)
    time.sleep(0.05)
"""
OWN = {
    "space": {"gain": {"float": [0.1, 10], "log": True}},
    "objective": {"metric": "level", "direction": "maximize"},
    "sampler": "pbt",
    "population": {"size": 4, "generations": 3, "perturbation_interval": 4},
    "parallel": 4,
    "seed": 5,
}


def test_no_leg_is_lost_or_trained_twice(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "climb.py").write_text(SCRIPT)
    spec = {"name": "climb", "entrypoint": "climb.py", "code": str(tmp_path / "code"), "tune": OWN}
    with through_disasters(tmp_path / "home", spec, first=5, then=6) as (client, study, before):
        check_whole(client, study, before)


def check_whole(client: tensorfleet.Client, study: Study, before: list[dict[str, Any]]) -> None:
    found = study.lineage()
    assert [(one["generation"], one["member"]) for one in found] == [
        (generation, member) for generation in range(3) for member in range(4)
    ]
    assert {one["state"] for one in found} == {"completed"}
    trials = study.trials()
    assert [trials[one["number"]] for one in before] == before, "what had ended stays as it was"
    jobs = client.jobs.list(study=study.id, limit=None)
    assert sorted(job.id for job in jobs) == sorted(one["job_id"] for one in found), "each leg is one job"
    for one in found:
        begun = 0.0 if one["parent"] is None else found[one["parent"]]["value"]
        # Whatever was killed in between: four steps more, with its own gain, from where its parent stood.
        assert abs(one["value"] - (begun + 4 * one["params"]["gain"])) < 1e-9
    for generation in (1, 2):
        of = [one for one in found if one["generation"] == generation]
        assert [one["copied"] for one in of].count(True) == 1
    assert [event.kind for event in study.events()].count("trial.completed") == 12


def test_a_cancelled_study_goes_on(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "climb.py").write_text(SCRIPT.replace("13", "101"))
    tune = {key: OWN[key] for key in ("space", "objective")} | {
        "trials": 2,
        "parallel": 2,
        "sampler": "random",
    }
    study = platform.client.tune(
        {"name": "again", "entrypoint": "climb.py", "code": str(tmp_path), "tune": tune}
    )
    wait_until(lambda: platform.client.jobs.list(study=study.id, status="running"), "a running trial")
    jobs = [job for job in platform.client.jobs.list(study=study.id) if wait_until(job.checkpoints, "one")]
    platform.cli("studies", "cancel", study.id)
    wait_until(lambda: all(job.refresh().ended for job in jobs), "the trials' ends")
    wait_until(lambda: study.refresh().ended, "its end")

    assert "goes on" in platform.cli("studies", "retry", study.id).stdout
    trials = study.wait(timeout=60).trials()
    assert [(one["state"], one["run_again"]) for one in trials] == [
        ("cancelled", None), ("cancelled", None), ("completed", 0), ("completed", 1)
    ]  # fmt: skip
    for one in trials[2:]:
        steps = [point.step for point in platform.client.jobs.get(one["job_id"]).metrics()["level"]]
        assert steps[0] > 1, "from the checkpoint of the cancelled one"
        assert steps[-1] == 100
    said = platform.cli("studies", "retry", study.id, check=False)
    assert said.returncode == 1
    assert "has no failed or missing trials to run" in said.stderr
    platform.cli("studies", "retry", study.id, "--trials", "1")
    assert len(study.wait(timeout=60).trials()) == 5
