"""Jobs that stop getting on are found, with the rank at fault, and go on from their checkpoint; slow ones are left alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.errors import JobFailed
from tensorfleet.sdk.jobs import Job
from tensorfleet.testing import hangs
from tests.integration.platform import Platform, wait_until
from tests.integration.scripts import Submit, submitting

AFTER_S = 2.0


@pytest.fixture
def submit(platform: Platform, tmp_path: Path) -> Iterator[Submit]:
    """Submits a script for two ranks."""
    with submitting(
        platform, tmp_path, name="hangs", resources={"workers": 2}, hang={"after": AFTER_S}
    ) as submitted:
        yield submitted


def found_hangs(job: Job) -> list[dict[str, Any]]:
    return [event.data for event in job.events() if event.kind == "hang.found"]


@pytest.mark.parametrize(("kind", "rank"), [(kind, number % 2) for number, kind in enumerate(hangs.KINDS)])
def test_a_hang_is_found_explained_and_ended(kind: str, rank: int, submit: Submit, tmp_path: Path) -> None:
    marker = tmp_path / "hung"
    job = submit(hangs.SCRIPT, hyperparameters=hangs.parameters(kind, str(marker), rank=rank))
    job.wait(90)

    (found,) = found_hangs(job)
    evidence = found["evidence"]
    assert evidence["culprits"] == [rank]
    assert f"rank {rank} made no progress for" in found["message"]
    assert evidence["line"] in found["message"]
    culprit, other = evidence["ranks"]
    assert culprit["rank"] == rank
    assert culprit["source"] == hangs.CULPRIT_LINES[kind]
    assert culprit["line"] == evidence["line"]
    assert other["call"] == "all_reduce"
    assert culprit["stack"]
    assert other["stack"]
    if kind == "deadlocked data loader":
        assert "LOCK.acquire()" in found["message"]

    requeued = next(event.data for event in job.events() if event.kind == "job.requeued")
    assert requeued["class"] == "hang"
    assert [point.step for point in job.metrics()["loss"]] == list(range(1, 21)), (
        "it went on where it had saved"
    )
    assert job.refresh().data["attempt"] == 2


def test_a_person_is_told_by_the_command_line(platform: Platform, submit: Submit, tmp_path: Path) -> None:
    job = submit(
        hangs.SCRIPT, hyperparameters=hangs.parameters("sleeping rank", str(tmp_path / "hung"), rank=0)
    )
    told = "it sleeps at main.py:50 in step_of; rank 1 waits for it in all_reduce"
    wait_until(lambda: found_hangs(job), "the hang to be found", 60)
    assert told in " ".join(platform.cli("jobs", "why", job.id).stdout.split())
    assert told in platform.cli("jobs", "events", job.id).stdout
    assert told in job.why()["last_hang"]["message"]
    job.wait(90)


def test_a_hang_ends_the_job_where_its_owner_wants_that(submit: Submit, tmp_path: Path) -> None:
    given = hangs.parameters("sleeping rank", str(tmp_path / "hung"))
    job = submit(hangs.SCRIPT, hyperparameters=given, hang={"after": AFTER_S, "action": "stop"})
    with pytest.raises(JobFailed, match="rank 1 made no progress"):
        job.wait(90)
    error = job.refresh().data["error"]
    assert error["class"] == "hang"
    assert error["evidence"]["culprits"] == [1]
    assert job.data["attempt"] == 1


def test_one_rank_that_never_beats_is_found(submit: Submit) -> None:
    script = "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n"
    job = submit(script, resources={"workers": 1}, retries=0)
    with pytest.raises(JobFailed, match=r"waits for a lock or a queue at main\.py:4 in <module>"):
        job.wait(60)


SLOW = """
import time
from pathlib import Path
import torch, torch.distributed as dist
from tensorfleet import train

dist.init_process_group("gloo")
for step, pause_s in enumerate([1.0, 1.0, 2.5, 1.0, 4.0], start=1):
    if train.rank() == 0:
        time.sleep(pause_s)
    dist.barrier()
    train.report(step=step, loss=1.0)
    train.save({"step": step, "weights": torch.zeros(2_000_000)}, step=step)
end = time.monotonic() + train.params()["evaluation_s"]
while train.rank() == 0 and time.monotonic() < end:
    sum(range(100_000))  # a long evaluation, without a word; rank 1 waits for it
dist.barrier()
"""


@pytest.mark.parametrize(("after", "evaluation_s"), [(6, 0), ("auto", 8)])
def test_slow_steps_and_long_evaluations_are_no_hangs(
    after: int | str, evaluation_s: int, submit: Submit
) -> None:
    job = submit(SLOW, hang={"after": after}, hyperparameters={"evaluation_s": evaluation_s})
    job.wait(90)
    assert not found_hangs(job)
    assert job.refresh().data["attempt"] == 1


def test_a_platform_that_was_stopped_for_a_while_accuses_nobody(
    own_platform: Platform, submit: Submit, tmp_path: Path
) -> None:
    given = hangs.parameters("none", str(tmp_path / "hung"), steps=60, pace_s=0.1)
    job = submit(hangs.SCRIPT, on=own_platform, hyperparameters=given)
    wait_until(lambda: len(job.metrics().get("loss", [])) >= 5, "five steps", 60)
    family = own_platform.supervisor.children(recursive=True)
    for process in family:
        process.send_signal(signal.SIGSTOP)
    time.sleep(2 * AFTER_S)  # what is measured is that time passes while nothing runs
    for (
        process
    ) in family:  # the agent before its tasks: at its first look they have been idle for all that time
        os.kill(process.pid, signal.SIGCONT)
    job.wait(90)
    assert not found_hangs(job)
