"""A machine that is not well: found out, kept from work with the evidence, and given work again.

The bad machine is an agent whose folder is on a disk of its own, which has room and takes no more files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.errors import Conflict, NotFound
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import Event
from tests.integration.platform import Platform, running_platform, wait_until
from tests.integration.scripts import submitting
from tests.integration.test_local_fleet import agent_process

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small disk, on Linux"
)
SETTINGS = "health: {recheck_first_s: 0.4, recheck_most_s: 0.8, fresh_s: 0, failures: 2}\n"
FIGURE = "from tensorfleet import train\ntrain.report(step=1, loss=0.5)\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("health") / "home"
    home.mkdir(mode=0o700)
    (home / "tensorfleet.yaml").write_text(SETTINGS)
    with running_platform(home, workers=1) as found:
        yield found


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Room for anything, in few files."""
    folder.mkdir()
    options = "size=64m,nr_inodes=400,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def exhaust(folder: Path) -> None:
    """Until no file can be made there any more."""
    folder.mkdir(exist_ok=True)
    have = sum(1 for _ in folder.iterdir())
    with pytest.raises(OSError, match="No space left"):  # noqa: PT012 - it is the one that fails that ends it
        for number in range(have, have + 1000):
            (folder / str(number)).touch()


def find(platform: Platform, name: str) -> dict[str, Any]:
    try:
        return platform.client.workers.find(name)
    except NotFound:
        return {"state": "unknown", "health": None}


def own(platform: Platform) -> str:
    """The worker that `up` itself has started."""
    return next(w["worker_id"] for w in platform.client.workers.list() if not w["worker_id"].startswith("x-"))


def wait_for_state(platform: Platform, name: str, state: str) -> dict[str, Any]:
    wait_until(lambda: find(platform, name)["state"] == state, f"{name} is {state}")
    return find(platform, name)


def told(platform: Platform, kind: str, worker_id: str) -> list[Event]:
    database = Database(f"sqlite:///{platform.home / 'tensorfleet.db'}")
    try:
        events = SqlEventLog(database).read_last(None, kind, 50)
    finally:
        database.close()
    return [event for event in events if event.data["worker"] == worker_id]


def test_a_disk_that_takes_no_files_and_what_becomes_of_it(pair: Platform, tmp_path: Path) -> None:
    good = own(pair)
    workers = pair.client.workers
    with (
        small_disk(tmp_path / "disk") as disk,
        agent_process(pair, disk / "agent", worker_id="x-disk", name="x-disk", min_free_disk_bytes=1),
        submitting(pair, tmp_path, name="figure") as submit,
    ):
        checked = wait_until(lambda: find(pair, "x-disk")["health"], "it was looked at when it joined")
        assert checked["status"] == "ok", checked  # type: ignore[index]
        workers.quarantine(good, "its fan is loud")
        wait_for_state(pair, good, "quarantined")

        exhaust(disk / "filler")
        job = submit(FIGURE)
        held = wait_for_state(pair, "x-disk", "quarantined")
        quarantine = held["health"]["quarantine"]
        assert quarantine["by"] == "check"
        assert "No space left on device" in quarantine["reason"]
        assert "make room there" in quarantine["reason"]
        (event,) = told(pair, "worker.quarantined", "x-disk")
        assert event.data["why"] == quarantine["reason"]

        wait_until(lambda: job.why()["code"] == "quarantine", "it waits for machines that are well")
        why = job.why()
        assert why["reason"].startswith("2 workers are in quarantine: ")
        assert "its fan is loud" in why["reason"]
        assert why["change"]["kind"] == "release"

        pair.kill("orchestrator")
        wait_until(lambda: told_to_lead(pair) >= 2, "another orchestrator")
        assert wait_for_state(pair, good, "quarantined")["health"]["quarantine"]["by"] == "operator"
        assert find(pair, "x-disk")["state"] == "quarantined"

        workers.release(good)
        job.wait(timeout=60)
        ends = [event.data for event in job.events() if event.kind == "task.finished"]
        assert (ends[0]["worker_id"], ends[0]["class"]) == ("x-disk", "infrastructure")
        assert (ends[-1]["worker_id"], ends[-1]["status"]) == (good, "succeeded")

        for path in (disk / "filler").iterdir():
            path.unlink()
        mended = wait_for_state(pair, "x-disk", "online")
        assert mended["health"]["status"] == "ok"
        assert [event.data["why"] for event in told(pair, "worker.released", "x-disk")]


def held(platform: Platform, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (find(platform, name)["health"] or {}).get("quarantine") or {}
    return found


def links(platform: Platform, name: str) -> list[dict[str, Any]]:
    findings = (find(platform, name)["health"] or {}).get("findings", [])
    return [one for one in findings if one["check"] == "link"]


def told_to_lead(platform: Platform) -> int:
    return (platform.home / "logs" / "orchestrator.log").read_text().count("orchestrator is ready")


def test_jobs_that_fail_on_one_machine_and_go_well_on_another(pair: Platform, tmp_path: Path) -> None:
    good = own(pair)
    workers = pair.client.workers
    with (
        small_disk(tmp_path / "disk") as disk,
        agent_process(pair, disk / "agent", worker_id="x-bad", name="x-bad", min_free_disk_bytes=1),
        submitting(pair, tmp_path, name="figure", retries=9) as submit,
    ):
        script = f"import os\nif os.environ['TENSORFLEET_TASK_DIR'].startswith('{disk}'):\n    os.kill(os.getpid(), 9)\n"
        wait_for_state(pair, "x-bad", "online")
        workers.quarantine(good)
        wait_for_state(pair, good, "quarantined")
        jobs = [submit(script + FIGURE) for _ in range(2)]
        for job in jobs:
            wait_until(
                lambda job=job: "job.requeued" in [event.kind for event in job.events()], "a failure", 100
            )
        workers.drain("x-bad")
        workers.release(good)
        for job in jobs:
            job.wait(timeout=60)
        reason = wait_until(lambda: held(pair, "x-bad").get("reason"), "evidence")
        assert "2 jobs failed there within 3600 s and went well elsewhere" in str(reason)
        assert all(job.id in str(reason) for job in jobs)
        workers.drain("x-bad", undo=True)
        wait_until(lambda: find(pair, "x-bad")["state"] == "online", "it is given another try after its time")


def test_a_person_has_a_machine_looked_at(pair: Platform, tmp_path: Path) -> None:
    good = own(pair)
    with (
        small_disk(tmp_path / "disk") as disk,
        agent_process(pair, disk / "agent", worker_id="x-other", name="x-other", min_free_disk_bytes=1),
    ):
        wait_for_state(pair, "x-other", "online")
        shown = pair.cli("workers", "check", "x-other").stdout
        for words in ("clock", "ok: its clock is", "disk", "memory", "skipped:"):
            assert words in shown
        wait_until(
            lambda: links(pair, good),
            "the way between the two was measured",
        )
        (link,) = links(pair, good)
        assert "MiB/s with" in link["sentence"]
        assert "round trip" in link["sentence"]
        exhaust(disk / "filler")

        def refused() -> str | None:
            """What the check says once it fails: what the agent itself removes meanwhile makes room again."""
            exhaust(disk / "filler")
            found = pair.cli("workers", "check", "x-other", check=False)
            return found.stdout if found.returncode == 1 else None

        assert "No space left on device" in str(wait_until(refused, "the check to fail"))
        with pytest.raises(Conflict, match="not in quarantine"):
            pair.client.workers.release(good)
