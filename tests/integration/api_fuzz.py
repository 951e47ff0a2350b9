"""Schemathesis against a running platform: every operation of the API's own description, all checks, links between calls.

`python -m tests.integration.api_fuzz` is the long form (`make api-fuzz`); tests/integration/test_openapi.py the short one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.api_fuzz_hooks import ROWS
from tests.integration.platform import Platform, running_platform

TOOL = str(Path(sys.executable).parent / "schemathesis")
CONFIG = Path(__file__).parent / "api_fuzz.toml"
HOOKS = "tests.integration.api_fuzz_hooks"
ROOT = Path(__file__).parents[2]
SCRIPT = """
from pathlib import Path
from tensorfleet import train

for step in range(1, 4):
    print(f"step {step}")
    train.report(step=step, loss=1.0 / step)
train.save({"step": 3}, step=3)
Path("notes.txt").write_text("done")
"""


@dataclass(frozen=True)
class Verdict:
    """What came of a run: the tool's report, and what it printed."""

    code: int
    report: dict[str, Any]
    printed: str
    seconds: float

    @property
    def generated(self) -> int:
        return int(self.report["test_cases"]["generated"])

    @property
    def links(self) -> tuple[int, int]:
        """How many links between calls were followed, of how many."""
        found = re.search(r"API Links:\s+(\d+) covered / (\d+) selected", self.printed)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def __str__(self) -> str:
        cases, operations = self.report["test_cases"], self.report["operations"]
        return (
            f"{cases['generated']} requests to {operations['tested']} of {operations['total']} operations "
            f"in {self.seconds:.0f} s, {self.links[0]} of {self.links[1]} links followed: "
            f"{cases['unique_failures']} failures, {cases['errored']} errors"
        )


def prepare(platform: Platform, folder: Path) -> dict[str, list[str]]:
    """Something of everything that can be read; what it is called, by the dictionaries' names in the configuration."""
    client = platform.client
    (folder / "rows.csv").write_bytes(ROWS)
    client.datasets.add(folder / "rows.csv", name="rows")
    code = folder / "code"
    code.mkdir()
    (code / "main.py").write_text(SCRIPT)
    jobs = [
        client.submit(name="forest", algorithm="random_forest", dataset="iris", model_name="iris"),
        client.submit(name="script", entrypoint="main.py", code=str(code)),
        client.submit(
            name="stopped",
            algorithm="random_forest",
            dataset="rows",
            hyperparameters={"n_estimators": 50_000},
        ),
        client.submit(
            name="wide", algorithm="random_forest", dataset="rows", resources={"gpus": 0}, priority="low"
        ),
    ]
    study = client.submit(
        name="study", kind="tune", algorithm="random_forest", dataset="rows",
        tune={"space": {"n_estimators": {"int": [5, 20]}}, "trials": 3,
              "objective": {"metric": "accuracy", "direction": "maximize"}},
    )  # fmt: skip
    client.access.add_user("ada", password="correct horse battery staple", role="viewer")
    client.access.add_workspace("lab")
    jobs[2].cancel()
    for job in (jobs[0], jobs[1], jobs[3], study):
        job.wait(90)
    return {
        "jobs": [job.id for job in jobs] + [study.id],
        "studies": [study.id],
        "workers": [worker["worker_id"] for worker in client.workers.list()],
        "users": ["ada"],
        "workspaces": ["default", "lab"],
        "aliases": ["best"],
    }


def run(platform: Platform, folder: Path, *options: str, seed: int = 1) -> Verdict:
    """Runs the tool with the configuration and these options of its command line."""
    known = prepare(platform, folder)
    lists = "".join(
        f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in known.items()
    )
    (folder / "schemathesis.toml").write_text(CONFIG.read_text() + "\n" + lists)
    report = folder / "report.json"
    words = [
        *(TOOL, "--config-file", str(folder / "schemathesis.toml"), "run"),
        *(f"{platform.client.url}/api/openapi.json", "--seed", str(seed), "--report-json-path", str(report)),
        *options,
    ]
    env = {
        **os.environ,
        "TENSORFLEET_TOKEN": (platform.home / "token").read_text().strip(),
        "SCHEMATHESIS_HOOKS": HOOKS,
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    began = time.monotonic()
    done = subprocess.run(words, env=env, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    assert report.is_file(), done.stdout[-5000:] + done.stderr[-5000:]
    return Verdict(done.returncode, json.loads(report.read_text()), done.stdout + done.stderr, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=30, help="for each operation and phase")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="api-fuzz-") as folder,
        running_platform(Path(folder) / "home", workers=2) as platform,
    ):
        verdict = run(platform, Path(folder), "--max-examples", str(given.examples), seed=given.seed)
    sys.stdout.write(f"{verdict.printed}\n{verdict}; seed {given.seed}\n")
    return verdict.code


if __name__ == "__main__":
    sys.exit(main())
