"""kill -9 of each part in the middle of a job: the job ends completed, once, with its logs and metrics whole."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.platform import Platform, wait_until

STEPS = 40
SCRIPT = f"""
import time
from pathlib import Path
from tensorfleet import train

other = Path(train.params()["together"])  # how far rank 1 has come: a step is saved when both ranks have said it
saved = train.restore()
first = saved["step"] + 1 if saved else 1
for step in range(first, {STEPS} + 1):
    print(f"line {{step}} of rank {{train.rank()}}")
    train.report(step=step, loss=1.0 / step)
    if train.rank() == 1:
        other.write_text(str(step))
    while train.rank() == 0 and int(other.read_text() or 0) < step:
        time.sleep(0.005)
    train.save({{"step": step}}, step=step)
    time.sleep(0.05)
"""


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    code = tmp_path / "code"
    code.mkdir()
    (code / "count.py").write_text(SCRIPT)
    path = tmp_path / "job.yaml"
    together = tmp_path / "together"
    together.write_text("0")
    path.write_text(
        "name: count\nentrypoint: count.py\ncode: ./code\nresources: {workers: 2}\n"
        f"hyperparameters: {{together: {together}}}\n"
    )
    return path


def kill_a_task(platform: Platform) -> None:
    os.kill(platform.task_pids()[1], signal.SIGKILL)


def kill_role(role: str) -> Callable[[Platform], None]:
    return lambda platform: platform.kill(role)


@pytest.mark.parametrize("victim", ["task", "template", "torch-template", "agent", "orchestrator", "gateway"])
def test_a_job_outlives(victim: str, own_platform: Platform, job_file: Path) -> None:
    platform = own_platform
    job = platform.client.submit(job_file)
    wait_until(lambda: _steps(platform, job.id) >= 10, "ten steps", 60)
    (kill_a_task if victim == "task" else kill_role(victim))(platform)

    job.wait(timeout=90)

    events = list(job.events())
    kinds = [event.kind for event in events]
    assert kinds.count("job.completed") == 1
    assert kinds[-1] == "job.completed", "nothing happens to a job after its end"
    attempts = kinds.count("job.started")
    assert attempts == (1 if victim in ("orchestrator", "gateway") else 2)

    assert [(point.step, point.value) for point in job.metrics()["loss"]] == [
        (step, 1.0 / step) for step in range(1, STEPS + 1)
    ]

    for rank in (0, 1):
        text = "".join(
            event.data["text"] for event in events if event.kind == "log" and event.data["rank"] == rank
        )
        lines = [int(step) for step in re.findall(rf"^line (\d+) of rank {rank}$", text, re.MULTILINE)]
        assert sorted(set(lines)) == list(range(1, STEPS + 1)), "no line is lost"
        if attempts == 1:
            assert lines == list(range(1, STEPS + 1)), "and none is doubled"
    resumed = [event.data for event in events if event.kind == "metrics" and event.data["attempt"] == 2]
    if attempts == 2:
        assert resumed[0]["points"][0]["step"] > 1, "the second attempt goes on from a checkpoint"


def _steps(platform: Platform, job_id: str) -> int:
    return max((len(points) for points in platform.client.jobs.get(job_id).metrics().values()), default=0)
