"""Scripts written for torchrun run as they are, and go on from the files that they left where they run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform, running_platform, wait_until

SCRIPT = Path(__file__).parents[2] / "examples" / "torchrun_ddp" / "train.py"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("home"), workers=2) as found:
        yield found


def submit_script(fleet: Platform, *args: object, **fields: object) -> Job:
    spec = {"name": "ddp", "entrypoint": "train.py", "code": str(SCRIPT.parent), "args": list(args)}
    return fleet.client.submit(spec | {"resources": {"workers": 2}} | fields)


def lines_of(job: Job, rank: int = 0) -> list[str]:
    return [line.text for line in job.logs(rank=rank)]


def losses(lines: list[str]) -> dict[int, str]:
    """By epoch; what a later attempt repeated counts."""
    found = (re.match(r"epoch (\d+) loss (\S+)", line) for line in lines)
    return {int(match[1]): match[2] for match in found if match}


def begins(lines: list[str]) -> list[int]:
    found = (re.search(r"going on from the snapshot, epoch (\d+)", line) for line in lines)
    return [int(match[1]) for match in found if match]


@pytest.fixture(scope="module")
def by_torchrun(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The losses of the same script when torchrun itself starts it."""
    folder = tmp_path_factory.mktemp("by-hand")
    shutil.copy(SCRIPT, folder)
    torchrun = Path(sys.executable).parent / "torchrun"
    words = [torchrun, "--standalone", "--nproc_per_node=2", "train.py", "20", "1"]
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    return losses(done.stdout.splitlines())


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_rank_costs_at_most_one_epoch(
    victim: int, fleet: Platform, by_torchrun: dict[int, str]
) -> None:
    job = submit_script(fleet, 20, 1, "--pause", 0.1)
    wait_until(lambda: len(losses(lines_of(job))) >= 6, "six epochs")
    tasks = fleet.client.transport.call("GET", f"/jobs/{job.id}/tasks")["items"]
    lease = next(task["lease"] for task in tasks if task["rank"] == victim)
    noted = json.loads((fleet.home / "agent" / "tasks" / str(lease) / "pid.json").read_text())
    os.kill(noted["pid"], signal.SIGKILL)
    job.wait(60)
    assert job.data["attempt"] == 2
    lines = lines_of(job)
    assert begins(lines)[0] >= 5, "it did not begin anew"
    assert losses(lines) == by_torchrun, "every epoch, each as torchrun trains it"
    assert begins(lines_of(job, 1)) == begins(lines), "both ranks read the same snapshot"


def test_another_worker_finds_the_snapshot_in_the_object_store(
    fleet: Platform, by_torchrun: dict[int, str]
) -> None:
    job = submit_script(fleet, 20, 1, "--pause", 0.25)
    kept = fleet.home / "objects" / "files" / job.id / "1" / "kept.json"
    wait_until(lambda: kept.exists() and "snapshot.pt" in kept.read_text(), "a snapshot in the store")
    wait_until(lambda: len(losses(lines_of(job))) >= 10, "ten epochs")
    job.pause()
    wait_until(lambda: job.refresh().status == "paused", "the pause")
    shutil.rmtree(fleet.home / "agent" / "jobs" / job.id)  # as on a machine that has never seen the job
    job.resume()
    job.wait(60)
    lines = lines_of(job)
    assert begins(lines)[0] >= 2
    assert losses(lines) == by_torchrun
    assert not kept.exists(), "an earlier attempt's files go"
    newest = json.loads((kept.parents[1] / "2" / "kept.json").read_text())
    assert list(newest["files"]) == ["snapshot.pt"]


ONE_RANK = """
import os, pathlib
from tensorfleet import train
count = pathlib.Path("count")
number = int(count.read_text()) if count.exists() else 0
print("number", number, os.environ["TENSORFLEET_STATE_DIR"] == os.getcwd(), flush=True)
count.write_text(str(number + 1))
torn = pathlib.Path("state.pt")
print("torn", torn.exists(), flush=True)
if number == 0:
    torn.write_bytes(b"PK\\x03\\x04 the first bytes of a snapshot")
    os.kill(os.getpid(), 9)
"""


def test_a_snapshot_that_was_cut_off_is_taken_away(fleet: Platform, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(ONE_RANK)
    job = fleet.client.submit({"name": "torn", "entrypoint": "main.py", "code": str(tmp_path)}).wait(60)
    lines = lines_of(job)
    assert [line for line in lines if line.startswith("number")] == ["number 0 True", "number 1 True"]
    assert [line for line in lines if line.startswith("torn")] == ["torn False", "torn False"]
    assert any("state.pt was cut off while it was written" in line for line in lines)


NO_DISTRIBUTED = "import os\nprint('rank', os.environ['RANK'], flush=True)\n"


def test_ranks_that_never_meet_each_run_to_their_end(fleet: Platform, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(NO_DISTRIBUTED)
    spec = {"name": "apart", "entrypoint": "main.py", "code": str(tmp_path), "resources": {"workers": 2}}
    job = fleet.client.submit(spec).wait(60)
    assert [lines_of(job, rank) for rank in (0, 1)] == [["rank 0"], ["rank 1"]]
