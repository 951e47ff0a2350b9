"""The fleet grows under load and shrinks when it is idle, with real agents, and a leader that is killed in the middle."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from tests.integration.platform import Platform, running_platform, wait_until
from tests.integration.scripts import submitting

SETTINGS = """
autoscale: {enabled: true, min: 2, max: 4, monitoring_interval: 0.5, cool_down_s: 2}
"""
WAITS = """
import pathlib, sys, time
while not pathlib.Path({path!r}).exists():
    time.sleep(0.05)
"""


def online(platform: Platform) -> int:
    return sum(worker["state"] == "online" for worker in platform.client.workers.list())


def agents(platform: Platform) -> int:
    """The processes of agents that were launched, and the platform's own one."""
    found = 1
    for process in platform.supervisor.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += process.name() == "tf-agent"
    return found


def test_up_under_load_down_when_idle_and_a_leader_killed_in_between(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "tensorfleet.yaml").write_text(SETTINGS)
    go_on = tmp_path / "go-on"
    with (
        running_platform(home, workers=1) as platform,
        submitting(platform, tmp_path, resources={"cpus": 0.1}) as submit,
    ):
        wait_until(lambda: online(platform) == 2, "the minimum")
        before = len(platform.client.workers.scaling()["decisions"])
        jobs = [submit(WAITS.format(path=str(go_on)), name=f"waits-{i}") for i in range(4)]
        wait_until(
            lambda: len(platform.client.workers.scaling()["decisions"]) > before, "the decision to grow"
        )
        platform.kill("orchestrator")
        wait_until(lambda: all(job.refresh().status == "running" for job in jobs), "a worker for each job")
        assert (online(platform), agents(platform)) == (4, 4), "neither too many nor too few"
        wait_until(
            lambda: platform.client.workers.scaling()["state"]["signal"]["workers"] == 4, "a look at all four"
        )

        go_on.touch()
        wait_until(lambda: all(job.refresh().status == "completed" for job in jobs), "all jobs to complete")
        wait_until(lambda: (online(platform), agents(platform)) == (2, 2), "the way back to the minimum")
        wait_until(lambda: len(platform.client.workers.list()) == 2, "those that left to be off the list")
        reasons = [one["reason"] for one in platform.client.workers.scaling()["decisions"]]
        assert any("nothing waits: 4 workers become 2" in reason for reason in reasons), reasons
        assert all(one["signal"]["desired"] <= 4 for one in platform.client.workers.scaling()["decisions"])
