"""Studies that meet one disaster after the other."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

import tensorfleet
from tensorfleet.sdk.studies import Study
from tests.integration.platform import CLI, Platform, running_platform, wait_until

Disasters = tuple[tensorfleet.Client, Study, list[dict[str, Any]]]


def ended(study: Study) -> list[dict[str, Any]]:
    return [trial for trial in study.trials() if trial["state"] != "running"]


def killed(pids: list[int]) -> bool:
    """Whether one of them was still there to be killed."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def kill_everything(home: Path) -> None:
    """The machine goes down: the supervisor and all below it, at once."""
    platform = Platform(home, holder_of(home))
    family = [platform.supervisor, *platform.supervisor.children(recursive=True)]
    for process in family:
        # A task may have ended since, and the process above may have taken it along.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
    platform.client.close()


def holder_of(home: Path) -> int:
    from tensorfleet.settings import load_settings
    from tensorfleet.supervisor.lock import HomeLock

    holder = HomeLock(load_settings(home=home).run_dir).holder()
    assert holder is not None
    return int(holder["pid"])


@contextmanager
def through_disasters(home: Path, spec: dict[str, Any], *, first: int, then: int) -> Iterator[Disasters]:
    """Once `first` trials have ended, kill -9 of a task and of the tuner; once `then` have, of the whole platform.

    Yields:
        A client of the platform that was started again, the study at its end, and the trials that had ended before.
    """
    env = {**os.environ, "TENSORFLEET_HOME": str(home)}
    subprocess.run(
        [CLI, "up", "--detach", "--port", "0", "--workers", "2"], env=env, check=True, capture_output=True
    )
    platform = Platform(home, holder_of(home))
    study = platform.client.tune(spec)
    wait_until(lambda: len(ended(study)) >= first, "the first trials")
    wait_until(lambda: killed(platform.task_pids()), "a running trial to kill")
    platform.kill("tuner")
    before = wait_until(lambda: len(found := ended(study)) >= then and found, "more trials")
    platform.client.close()
    kill_everything(home)
    with running_platform(home, workers=2) as again:
        study = again.client.studies.get(study.id)
        yield again.client, study.wait(timeout=60), before  # type: ignore[misc]
