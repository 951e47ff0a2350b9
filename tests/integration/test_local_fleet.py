"""Agents started one by one beside the platform's own: they outlive it in parts, and give their tasks back when they go."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tensorfleet.agent.agent import ALONE
from tensorfleet.errors import Unavailable
from tensorfleet.fleet.ports import Launcher, LaunchState, WorkerType
from tensorfleet.settings import ensure_home, load_settings
from tensorfleet.supervisor.launchers import build_launcher
from tensorfleet.supervisor.roles import agent_config
from tests.integration.platform import Platform, running_platform, wait_until
from tests.integration.scripts import submitting

COUNT = """
import time
from tensorfleet import train
saved = train.restore()
for step in range((saved["step"] if saved else 0) + 1, 41):
    train.report(step=step, loss=1.0 / step)
    train.save({"step": step}, step=step)
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("fleet") / "home", workers=1) as found:
        yield found


@pytest.fixture
def launcher(crowded: Platform) -> Iterator[Launcher]:
    settings = load_settings(home=crowded.home)
    made = build_launcher(settings, ensure_home(settings))
    yield made
    for one in made.launched():
        made.release(one.worker_id)
    wait_until(lambda: not made.launched(), "no agent is left")
    made.close()


def start(launcher: Launcher, *worker_ids: str, slots: int = 1) -> None:
    for worker_id in worker_ids:

        def asked(worker_id: str = worker_id) -> bool:
            with suppress(Unavailable):  # what starts agents is itself started at the first question
                launcher.launch(worker_id, WorkerType("small", slots=slots, cpus=slots))
                return True
            return False

        wait_until(asked, f"{worker_id} is asked for")


def state(platform: Platform, worker_id: str) -> str | None:
    found = {worker["worker_id"]: worker["state"] for worker in platform.client.workers.list()}
    return found.get(worker_id)


def online(platform: Platform, *worker_ids: str) -> None:
    wait_until(
        lambda: all(state(platform, one) == "online" for one in worker_ids), f"{worker_ids} are online"
    )


def steps(job: object) -> int:
    return len(job.metrics().get("loss", []))  # type: ignore[attr-defined]


def test_a_busy_agent_that_is_released_gives_its_task_back(
    crowded: Platform, launcher: Launcher, tmp_path: Path
) -> None:
    start(launcher, "x-1", slots=3)
    online(crowded, "x-1")
    with submitting(crowded, tmp_path, name="count", resources={"cpus": 2.5}) as submit:
        job = submit(COUNT)  # that one alone has as many CPUs
        wait_until(lambda: steps(job) >= 5, "five steps")
        launcher.release("x-1")
        wait_until(lambda: not launcher.launched(), "the agent is gone")
        wait_until(lambda: state(crowded, "x-1") in (None, "lost"), "its worker has left")
        assert job.refresh().status == "queued"
        start(launcher, "x-2", slots=3)
        job.wait(timeout=60)
    kinds = [event.kind for event in job.events()]
    assert kinds.count("job.started") == 2
    assert [(one.step, one.value) for one in job.metrics()["loss"]] == [(n, 1.0 / n) for n in range(1, 41)]
    log = (crowded.home / "logs" / "orchestrator.log").read_text()
    assert "a worker has left" in log


def test_agents_outlive_the_orchestrator_and_the_gateway(
    crowded: Platform, launcher: Launcher, tmp_path: Path
) -> None:
    start(launcher, "y-1", "y-2")
    online(crowded, "y-1", "y-2")
    with submitting(crowded, tmp_path, name="count", resources={"workers": 3}) as submit:
        job = submit(COUNT)
        wait_until(lambda: steps(job) >= 5, "five steps")
        before = {one.worker_id: one.state for one in launcher.launched()}
        crowded.kill("orchestrator")
        crowded.kill("gateway")
        job.wait(timeout=60)
    assert [event.kind for event in job.events()].count("job.started") == 1, "nothing had to begin anew"
    assert {one.worker_id: one.state for one in launcher.launched()} == before


def test_a_killed_agent_is_known_to_be_lost_before_its_lease_is_over(
    crowded: Platform, launcher: Launcher
) -> None:
    start(launcher, "z-1")
    online(crowded, "z-1")
    (pid,) = [child.pid for child in _nursery(crowded).children() if child.name() == "tf-agent"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: state(crowded, "z-1") == "lost", "it is known", 5)
    assert [(one.worker_id, one.state) for one in launcher.launched()] == [("z-1", LaunchState.GONE)]


def test_health_tells_of_a_launcher_that_does_not_answer(crowded: Platform, launcher: Launcher) -> None:
    start(launcher, "s-1")
    online(crowded, "s-1")
    nursery = _nursery(crowded)
    nursery.suspend()
    try:
        wait_until(lambda: _part(crowded).get("status") == "away", "it is told", 20)
        part = _part(crowded)
    finally:
        nursery.resume()
    assert part["detail"] == "the process that starts agents does not answer; see logs/nursery.log"
    assert part["meaning"].startswith("workers that are here go on with their jobs")
    assert state(crowded, "s-1") == "online"
    wait_until(lambda: _part(crowded)["status"] == "ok", "it is well again")


def _part(platform: Platform) -> dict[str, Any]:
    found: dict[str, Any] = platform.client.health()["parts"].get("launcher", {})
    return found


def _nursery(platform: Platform) -> psutil.Process:
    (found,) = [child for child in platform.supervisor.children() if child.name() == "tf-nursery"]
    return found


@contextmanager
def agent_process(platform: Platform, folder: Path, **told: Any) -> Iterator[subprocess.Popen[bytes]]:
    """An agent that nobody looks after; ended at the end."""
    settings = load_settings(home=platform.home)
    usual = agent_config(settings, ensure_home(settings))
    config = dataclasses.replace(usual, work_dir=str(folder), light=True, **told)
    env = {**os.environ, "TENSORFLEET_AGENT_CONFIG": config.to_json()}
    command = [sys.executable, "-m", "tensorfleet.agent"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def test_an_agent_that_was_replaced_ends(crowded: Platform, tmp_path: Path) -> None:
    with agent_process(crowded, tmp_path / "new", worker_id="r-1", resources={"incarnation": 2}):
        online(crowded, "r-1")
        with agent_process(crowded, tmp_path / "old", worker_id="r-1", resources={"incarnation": 1}) as old:
            _, said = old.communicate(timeout=20)
            assert old.returncode == 0
            assert b"a later agent has joined as worker r-1" in said
        assert state(crowded, "r-1") == "online"


def test_an_agent_that_finds_no_orchestrator_gives_its_place_back(crowded: Platform, tmp_path: Path) -> None:
    nowhere = f"unix:{tmp_path / 'nowhere.sock'}"
    with agent_process(
        crowded, tmp_path / "lost", worker_id="l-1", orchestrator=nowhere, alone_s=0.5
    ) as lost:
        lost.communicate(timeout=20)
        assert lost.returncode == ALONE
