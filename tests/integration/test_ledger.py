"""The ledger of a platform that runs: what jobs held, used, lost and hung, through the API and the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.sdk.jobs import Job
from tensorfleet.testing import hangs
from tests.integration.platform import Platform, wait_until
from tests.integration.scripts import Submit, submitting

CLI = str(Path(sys.executable).parent / "tensorfleet")
SPIN = """
import os, sys, time
from tensorfleet import train

marker = train.params()["marker"]
end = time.process_time() + 0.6
while time.process_time() < end:
    pass
if not os.path.exists(marker):
    with open(marker, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)
"""


@pytest.fixture
def submit(platform: Platform, tmp_path: Path) -> Iterator[Submit]:
    with submitting(platform, tmp_path, name="ledger", resources={"workers": 1}) as submitted:
        yield submitted


def parts_of(job: Job) -> list[list[float]]:
    leases = job.ledger()["leases"]
    return [[lease[f"{name}_s"] for name in ("idle", "useful", "lost", "hung")] for lease in leases]


def test_a_killed_rank_has_lost_its_time_and_is_accounted_for(
    submit: Submit, platform: Platform, tmp_path: Path
) -> None:
    marker = tmp_path / "pid"
    job = submit(SPIN, hyperparameters={"marker": str(marker)})
    wait_until(lambda: marker.exists() and marker.read_text(), 40)
    live = job.ledger()["total"]
    assert live["held_s"]["running"] == live["held_s"]["total"] > 0
    os.kill(int(marker.read_text()), signal.SIGKILL)
    job.wait(60)
    killed, good = parts_of(job)
    assert killed[1] == 0
    assert killed[2] >= 0.6
    assert good[1] >= 0.6
    assert good[2:] == [0, 0]
    leases, total = job.ledger()["leases"], job.ledger()["total"]
    for lease in leases:
        assert lease["cpu_used_s"] >= 0.6, "also of a task that was killed"
        assert lease["energy_j"] > 0
        assert lease["energy_how"] in ("measured", "estimated")
    assert total["cpu_used_s"] == pytest.approx(sum(lease["cpu_used_s"] for lease in leases))
    assert total["held_s"]["total"] == pytest.approx(sum(map(sum, (killed, good))), abs=1e-4)

    row = by_command(platform, "--by", "job")[job.id]
    assert float(row["held_s.lost"]) == pytest.approx(killed[2], abs=1e-5)
    shown = ask(platform, "jobs", "show", job.id)
    assert "lost" in next(line for line in shown.splitlines() if "wasted" in line)


def test_a_hang_is_in_the_ledger(submit: Submit, tmp_path: Path) -> None:
    job = submit(
        hangs.SCRIPT,
        hyperparameters=hangs.parameters(hangs.KINDS[0], str(tmp_path / "hung"), rank=0),
        resources={"workers": 2},
        hang={"after": 1.5},
    )
    job.wait(90)
    hung = [hung_s for *_, hung_s in parts_of(job)]
    assert sum(1 for seconds in hung if seconds >= 1.5) == 2, "both ranks stood still"
    total = job.ledger()["total"]
    assert total["held_s"]["hung"] == pytest.approx(sum(hung), abs=1e-4)


def test_every_grouping_has_the_same_sum(platform: Platform) -> None:
    answers = [
        json.loads(ask(platform, "ledger", "--by", by, "--json"))
        for by in ("job", "workspace", "algorithm", "worker_type", "day", "month")
    ]
    for found in answers:
        rows = [*found["items"], *([found["others"]] if found["others"] else [])]
        for name in ("held_s", "cpu_s", "memory_gb_s"):
            total = found["total"][name]["total"]
            assert sum(row[name]["total"] for row in rows) == pytest.approx(total)
        assert found["hint"].startswith("nothing has a price")
    refused = subprocess.run(
        [CLI, "ledger", "--month", "2026-00"], env=environment(platform), capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert "is not a month" in refused.stderr


def environment(platform: Platform) -> dict[str, str]:
    return {**os.environ, "TENSORFLEET_HOME": str(platform.home)}


def ask(platform: Platform, *words: str) -> str:
    done = subprocess.run(
        [CLI, *words], env=environment(platform), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_command(platform: Platform, *options: str) -> dict[str, dict[str, str]]:
    text = ask(platform, "ledger", "--csv", "--limit", "1000", *options)
    return {row["job"]: row for row in csv.DictReader(io.StringIO(text))}
