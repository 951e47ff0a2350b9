"""Jobs that make room for others save where they stand, lose nothing, and go on by themselves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform, running_platform, wait_until

GIB = 1024**3


@pytest.fixture(scope="module")
def two_slots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("home")
    (home / "tensorfleet.yaml").write_text("grow_after_s: 1\n")
    with running_platform(home, workers=2) as found:
        yield found


def long_job(platform: Platform, **fields: Any) -> Job:
    """Two ranks that would train for minutes."""
    spec: dict[str, Any] = {
        "name": "long",
        "algorithm": "mlp",
        "dataset": "digits",
        "hyperparameters": {"hidden": [32], "epochs": 5000},
        "resources": {"workers": 2},
    }
    job = platform.client.submit({**spec, **fields})
    wait_until(lambda: job.refresh().data["progress"] > 0, "the job trains", 60)
    return job


def kinds(job: Job) -> list[str]:
    return [event.kind for event in job.events()]


def last(job: Job, kind: str) -> dict[str, Any]:
    return [event.data for event in job.events() if event.kind == kind][-1]


def end(job: Job) -> None:
    job.cancel()
    wait_until(lambda: job.refresh().status == "cancelled", "the job is cancelled")


def test_a_higher_priority_takes_the_workers_and_gives_them_back(two_slots: Platform) -> None:
    low = long_job(two_slots, priority="low")
    wait_until(lambda: low.refresh().data["progress"] and "job.started" in kinds(low), "it runs")
    high = two_slots.client.submit(name="quick", algorithm="random_forest", dataset="iris", priority="high")
    high.wait(timeout=60)
    wait_until(lambda: low.refresh().data["attempt"] == 2 and low.status == "running", "it goes on")
    requeued = last(low, "job.requeued")
    assert requeued["class"] == "preempted"
    assert requeued["steps_lost"] <= 1
    assert high.id in requeued["reason"]
    assert low.data["steps_lost"] == requeued["steps_lost"]
    stopped_at = max(one["step"] for one in low.checkpoints() if one["attempt"] == 1)
    wait_until(lambda: any(one["attempt"] == 2 for one in low.checkpoints()), "it saves again")
    assert min(one["step"] for one in low.checkpoints() if one["attempt"] == 2) > stopped_at
    end(low)


def test_a_drained_worker_is_left_and_the_job_waits_with_a_reason(two_slots: Platform) -> None:
    job = long_job(two_slots)
    worker = two_slots.client.workers.list()[0]["worker_id"]
    two_slots.cli("workers", "drain", worker)
    wait_until(lambda: job.refresh().status == "queued", "the worker is left")
    assert last(job, "job.requeued")["steps_lost"] <= 1
    why = job.why()
    assert why["code"] == "no_workers"
    assert worker in str(why["suggestion"])
    two_slots.cli("workers", "drain", worker, "--undo")
    wait_until(lambda: job.refresh().status == "running", "it goes on")
    end(job)


def test_a_pause_keeps_what_was_trained(two_slots: Platform) -> None:
    job = long_job(two_slots)
    job.pause()
    wait_until(lambda: job.refresh().status == "paused", "it rests")
    assert last(job, "job.paused")["steps_lost"] <= 1
    saved = max(one["step"] for one in job.checkpoints())
    job.resume()
    wait_until(
        lambda: any(one["attempt"] == 2 and one["step"] > saved for one in job.checkpoints()), "it goes on"
    )
    end(job)


def test_an_elastic_job_starts_small_and_grows_when_there_is_room(two_slots: Platform) -> None:
    blocker = long_job(two_slots, name="blocker", resources={"workers": 1})
    elastic = long_job(two_slots, name="elastic", resources={"workers": 2, "min_workers": 1})
    assert last(elastic, "job.started")["workers"] == 1
    end(blocker)
    wait_until(lambda: last(elastic, "job.started")["workers"] == 2, "it grows")
    assert last(elastic, "job.requeued")["steps_lost"] <= 1
    wait_until(lambda: any(one["attempt"] == 2 for one in elastic.checkpoints()), "it trains on two ranks")
    end(elastic)


def test_a_fork_goes_on_from_any_checkpoint_with_other_settings(two_slots: Platform) -> None:
    parent = long_job(two_slots, hyperparameters={"hidden": [16], "epochs": 3}, checkpoint={"keep_last": 3})
    parent.wait(timeout=60)
    first, *_ = parent.checkpoints()
    child = parent.fork(first["step"], hyperparameters={"learning_rate": 0.0005}, resources={"workers": 1})
    child.wait(timeout=60)
    spec = child.data["spec"]
    assert spec["hyperparameters"] == {"hidden": [16], "epochs": 3, "learning_rate": 0.0005}
    assert last(child, "job.forked") == {"job_id": parent.id, "step": first["step"]}
    text = "".join(line.text for line in child.logs())
    assert f"after step {first['step']}" in text
    assert child.checkpoints()[0]["key"].startswith(f"checkpoints/{child.id}/"), "files of its own"


def test_a_fork_of_a_checkpoint_that_is_not_there_is_refused(two_slots: Platform) -> None:
    job = two_slots.client.submit(name="tree", algorithm="random_forest", dataset="iris")
    job.wait(timeout=60)
    answer = two_slots.cli("jobs", "fork", job.id, "--step", "7", check=False)
    assert answer.returncode == 1
    assert "no checkpoint of step 7" in answer.stderr


def test_a_full_disk_pauses_jobs_before_it_stops_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    limit = shutil.disk_usage(home).free - GIB
    (home / "tensorfleet.yaml").write_text(f"min_free_disk_bytes: {limit}\n")
    with running_platform(home, workers=2) as platform, (tmp_path / "ballast").open("wb") as ballast:
        job = long_job(platform)
        os.posix_fallocate(ballast.fileno(), 0, 2 * GIB)
        wait_until(lambda: job.refresh().status == "paused", "the job rests", 30)
        assert "of disk left; make room there, then resume the job" in job.data["reason"]
        assert job.checkpoints()
        job.resume()
        wait_until(lambda: job.why()["code"] == "low_disk", "it waits for the disk")
        ballast.truncate(0)
        wait_until(lambda: job.refresh().status == "running", "it goes on", 30)
        end(job)
