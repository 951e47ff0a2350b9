"""How jobs end, stop, go on and wait, with real processes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tensorfleet.errors import JobFailed
from tensorfleet.sdk.jobs import Job
from tensorfleet.settings import load_settings
from tests.integration.platform import Platform, wait_until
from tests.integration.scripts import Submit, submitting


@pytest.fixture
def submit(platform: Platform, tmp_path: Path) -> Iterator[Submit]:
    """Submits a script."""
    with submitting(platform, tmp_path, name="own") as submitted:
        yield submitted


def failed(job: Job) -> dict[str, Any]:
    """Waits for the failure and returns its error."""
    with pytest.raises(JobFailed):
        job.wait(60)
    assert job.status == "failed"
    error: dict[str, Any] = job.data["error"]
    return error


def text_of(job: Job, rank: int = 0) -> str:
    return "\n".join(line.text for line in job.logs(rank=rank))


# ---- stopping ------------------------------------------------------------------------------------------------------------

STUBBORN = """
import os, signal, subprocess, sys, time
from tensorfleet import train

signal.signal(signal.SIGTERM, signal.SIG_IGN)
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
child.stdout.readline()
grandchild = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
print("pids", os.getpid(), child.pid, grandchild.pid)
train.report(step=1, up=1.0)
while True:
    time.sleep(0.05)
"""


def test_a_cancel_ends_the_whole_process_group(submit: Submit) -> None:
    job = submit(STUBBORN)
    wait_until(lambda: job.refresh().metrics() and "pids" in text_of(job), "its children")
    line = next(line for line in text_of(job).splitlines() if line.startswith("pids"))
    processes = [psutil.Process(int(pid)) for pid in line.split()[1:]]
    job.cancel()
    wait_until(lambda: job.refresh().ended, "the cancel", 20)
    assert job.status == "cancelled"
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive, alive


def test_children_do_not_outlive_a_job_that_ends(submit: Submit) -> None:
    job = submit(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nprint('pid', child.pid, flush=True)\n"
    ).wait(60)
    child = int(text_of(job).split()[1])
    wait_until(lambda: not psutil.pid_exists(child), "the child to be gone")


COUNT = """
import time
from tensorfleet import train

saved = train.restore()
first = saved["step"] + 1 if saved else 1
print(f"begins at {first}")
for step in range(first, 41):
    train.report(step=step, loss=1.0 / step)
    train.save({"step": step}, step=step)
    time.sleep(0.03)
"""


def test_a_paused_job_goes_on_from_its_checkpoint(submit: Submit) -> None:
    job = submit(COUNT)
    wait_until(lambda: len(job.metrics().get("loss", ())) >= 5, "five steps")
    job.pause()
    wait_until(lambda: job.refresh().status == "paused", "the pause")
    done = len(job.metrics()["loss"])
    assert 5 <= done < 40
    job.resume()
    job.wait(60)
    begins = [line for line in text_of(job).splitlines() if line.startswith("begins")]
    assert begins[0] == "begins at 1"
    assert int(begins[1].split()[-1]) in (done, done + 1), "a save may have come after the last report"
    assert [point.step for point in job.metrics()["loss"]] == list(range(1, 41))
    kinds = [event.kind for event in job.events()]
    assert kinds.count("job.paused") == kinds.count("job.resumed") == 1
    assert job.data["attempt"] == 2


def test_a_timeout(submit: Submit) -> None:
    job = submit("import time\nprint('before', flush=True)\ntime.sleep(600)\n", timeout="1s")
    error = failed(job)
    assert error["class"] == "timeout"
    assert "1 s" in error["message"] or "1s" in error["message"]
    assert job.data["attempt"] == 1, "it would only run out of time again"
    assert "before" in text_of(job)


# ---- ends ----------------------------------------------------------------------------------------------------------------

ENDS = {
    "exception": ("print('last words')\nraise KeyError('colour')\n", "user_error", "colour", 1),
    "exit code": ("import sys\nprint('last words')\nsys.exit(3)\n", "user_error", "code 3", 1),
    "exit with a sentence": ("import sys\nprint('last words')\nsys.exit('no data')\n", "user_error", "no data", 1),
    "os._exit": ("import os\nprint('last words')\nos._exit(9)\n", "user_error", "code 9", 1),
    "os._exit(0)": ("import os\nprint('last words')\nos._exit(0)\n", "user_error", "before it was done", 1),
    "syntax": ("print('last words'\n", "user_error", "main.py", 1),
    "import": ("print('last words')\nimport nothing_like_it\n", "user_error", "nothing_like_it", 1),
    "segmentation fault": (
        "import os, signal\nprint('last words')\nos.kill(os.getpid(), signal.SIGSEGV)\n", "killed", "SIGSEGV", 2,
    ),
    "kill": (
        "import os, signal\nprint('last words')\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed", "SIGKILL", 2,
    ),
    "memory": ("print('last words')\nbytearray(1 << 60)\n", "out_of_memory", "memory", 1),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_how_own_code_ends(case: str, submit: Submit) -> None:
    text, cls, words, attempts = ENDS[case]
    job = submit(text, retries=1)
    error = failed(job)
    assert error["class"] == cls, error
    assert words in error["message"] + (error.get("traceback") or ""), error
    assert "\n" not in error["message"]
    assert job.data["attempt"] == attempts, "what would only happen again is not repeated"
    if case != "syntax":
        assert text_of(job).count("last words") == attempts
    if case in ("os._exit", "segmentation fault", "kill"):
        assert "last words" in error["traceback"], "the last lines stand in the error"


def test_exit_code_0_is_an_end(submit: Submit) -> None:
    submit("import sys\nsys.exit(0)\n").wait(60)


NOISY = r"""
import os, sys
from tensorfleet import train

os.write(1, bytes(range(256)) * 10 + b"\n")
sys.stdout.write("x" * 3_000_000 + "\n")
sys.stderr.write("\x1b[31mred\x1b[0m\r\n")
print("a\0b \ud800 \N{SNOWMAN}")
for number in range(20_000):
    print("line", number)
sys.stdout.write("no newline at the end")
train.report(step=1, nan=float("nan"), inf=float("inf"), loss=1.0)
"""


def test_a_noisy_job(submit: Submit) -> None:
    job = submit(NOISY).wait(60)
    text = text_of(job)
    assert [int(line[5:]) for line in text.splitlines() if line.startswith("line ")] == list(range(20_000))
    assert "x" * 1000 in text
    assert text.count("x") >= 3_000_000
    assert "\N{SNOWMAN}" in text
    assert text.endswith("no newline at the end")
    assert job.metrics()["loss"][0].value == 1.0
    assert job.refresh().status == "completed"
    tail = list(job.logs(tail=2))
    assert tail[-1].text == "no newline at the end"


def test_two_ranks_of_a_function(platform: Platform, tmp_path: Path) -> None:
    package = tmp_path / "code" / "project"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "data.py").write_text("WORDS = ('one', 'two')\n")
    (package / "training.py").write_text(
        "from project.data import WORDS\n"
        "from tensorfleet import train\n"
        "def main():\n"
        "    import torch, torch.distributed as dist\n"
        "    dist.init_process_group('gloo')\n"
        "    total = torch.tensor([float(train.rank() + 1)])\n"
        "    dist.all_reduce(total)\n"
        "    print(WORDS[train.rank()], int(total))\n"
        "    train.report(step=1, total=total)\n"
        "    dist.destroy_process_group()\n"
    )
    spec = {"name": "gang", "entrypoint": "project.training:main", "resources": {"workers": 2}}
    job = platform.client.submit(spec, code=str(tmp_path / "code")).wait(60)
    assert [text_of(job, 0), text_of(job, 1)] == ["one 3", "two 3"]
    assert job.metrics()["total"][0].value == 3.0


# ---- waiting -------------------------------------------------------------------------------------------------------------

UNTIL = """
import pathlib, time
from tensorfleet import train

train.report(step=1, up=1.0)
while not pathlib.Path({path!r}).exists():
    time.sleep(0.02)
"""


def test_priorities_in_a_full_fleet(submit: Submit, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    blockers = [submit(UNTIL.format(path=str(gate))) for _ in range(3)]
    wait_until(lambda: all(job.refresh().metrics() for job in blockers), "a full fleet")
    order = ["low", "normal", "high", "normal", "high", "low"]
    waiting = [submit("print('done')\n", priority=priority, resources={"workers": 3}) for priority in order]
    assert {job.refresh().status for job in waiting} == {"queued"}
    gate.touch()
    for job in waiting:
        job.wait(60)
    started = sorted(waiting, key=lambda job: job.data["started_at"])
    assert [job.data["priority"] for job in started] == ["high"] * 2 + ["normal"] * 2 + ["low"] * 2
    for priority in ("high", "normal", "low"):
        same = [job for job in started if job.data["priority"] == priority]
        assert same == [job for job in waiting if job.data["priority"] == priority], "in order of arrival"


def test_a_job_submitted_while_the_orchestrator_is_dead(own_platform: Platform, submit: Submit) -> None:
    supervisor = own_platform.supervisor
    os.kill(supervisor.pid, signal.SIGSTOP)  # so that nobody starts another orchestrator yet
    try:
        victim = own_platform.process("orchestrator")
        victim.kill()
        began = time.monotonic()
        job = submit("print('alive')\n", on=own_platform)
        assert time.monotonic() - began < 5, "nobody waits for the orchestrator"
        assert job.status == "queued"
        assert own_platform.client.health()["status"] == "degraded"
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)
    assert text_of(job.wait(60)) == "alive"


# ---- models --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wine(platform: Platform) -> Job:
    spec = {"name": "forest", "algorithm": "random_forest", "dataset": "wine", "model_name": "jobs-wine"}
    return platform.client.submit(spec, seed=11, hyperparameters={"n_estimators": 40}).wait(60)


def test_the_forest_is_that_of_scikit_learn(wine: Job, platform: Platform, tmp_path: Path) -> None:
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    frame = pd.read_csv(platform.client.datasets.download("wine", 1, to=tmp_path / "wine.csv"))
    target = platform.client.datasets.version("wine", 1)["target"]
    x, y = frame.drop(columns=[target]), frame[target]
    stratified = train_test_split(x, y, test_size=0.2, random_state=11, stratify=y)
    direct = RandomForestClassifier(n_estimators=40, random_state=11)
    direct.fit(stratified[0].to_numpy(), stratified[2].to_numpy())
    expected = direct.predict(stratified[1].to_numpy())
    assert np.array_equal(np.asarray(wine.model.predict(stratified[1])), expected)
    accuracy = float((expected == stratified[3].to_numpy()).mean())
    assert wine.data["metrics"]["accuracy"] == pytest.approx(accuracy)


ANY_CLIENT = """
import json, sys
from mlflow import MlflowClient

url, name, number = sys.argv[1:]
client = MlflowClient(tracking_uri=url, registry_uri=url)
version = client.get_model_version(name, number)
run = client.get_run(version.run_id)
found = {"ready": version.status, "run": run.info.status, "params": run.data.params, "metrics": run.data.metrics}
print(json.dumps(found))
"""


def test_any_mlflow_client_knows_the_model(wine: Job, platform: Platform) -> None:
    model = wine.model
    url = load_settings(home=platform.home).mlflow
    done = subprocess.run(
        [sys.executable, "-c", ANY_CLIENT, url, model.name, str(model.version)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert (found["ready"], found["run"]) == ("READY", "FINISHED")
    assert found["params"]["algorithm"] == "random_forest"
    assert found["metrics"]["accuracy"] == wine.data["metrics"]["accuracy"]


def test_a_locked_mlflow_delays_the_registration_only(platform: Platform, wine: Job) -> None:
    assert wine.model.version >= 1
    with closing(sqlite3.connect(platform.home / "mlflow.db", isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        spec = {"name": "late", "algorithm": "random_forest", "dataset": "wine", "model_name": "jobs-late"}
        began = time.monotonic()
        job = platform.client.submit(spec).wait(60)
        assert time.monotonic() - began < 10
        assert job.data["version"] is None
        log = platform.home / "logs" / "monitor.log"
        wait_until(
            lambda: "locked" in log.read_text() or time.monotonic() - began > 6, "the writer to notice"
        )
        assert job.refresh().data["version"] is None
        assert job.status == "completed"
        lock.execute("ROLLBACK")
    assert job.model.version == 1
    assert job.data["status"] == "completed"
