"""How long it takes until a fleet of one agent has a hundred light ones, or twenty full ones, while a job trains on two ranks.

A light agent has joined and can take tasks.  A full one has its own warm template besides, with everything imported.
BENCH_FLEET_LIGHT and BENCH_FLEET_FULL make it smaller; 0 leaves one out.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

import psutil

from benchmarks.fleet import Fleet, fleet
from benchmarks.report import table, write
from tensorfleet.errors import Unavailable
from tensorfleet.fleet.ports import Launcher, WorkerType
from tensorfleet.settings import ensure_home, load_settings
from tensorfleet.supervisor.launchers import build_launcher

LIGHT = int(os.environ.get("BENCH_FLEET_LIGHT", "100"))
FULL = int(os.environ.get("BENCH_FLEET_FULL", "20"))
LIMITS_S = {"light": 20.0, "full": 30.0}
GIVE_UP_S = 120.0
JOB = {
    "name": "meanwhile",
    "algorithm": "mlp",
    "dataset": "digits",
    "hyperparameters": {"epochs": 10_000, "hidden": [64]},
    "resources": {"workers": 2},
}


def launch(launcher: Launcher, worker_id: str) -> None:
    while True:
        with contextlib.suppress(Unavailable):  # what starts agents is itself started at the first question
            launcher.launch(worker_id, WorkerType())
            return
        time.sleep(0.05)


def online(running: Fleet) -> int:
    return sum(worker["state"] == "online" for worker in running.client.workers.list())


def warm(running: Fleet) -> int:
    """Templates that belong to an agent: children of the one that the nursery keeps."""
    found = [child for child in running.supervisor.children() if child.name() == "tf-nursery"]
    parents = [one for nursery in found for one in nursery.children() if one.name() == "tf-template"]
    return sum(child.name() == "tf-template" for one in parents for child in one.children())


def steps(job: Any) -> int:
    return len(job.metrics().get("loss", []))


def private_bytes(running: Fleet) -> float:
    """Of all agents together and what belongs to them, without what they share with each other."""
    (nursery,) = (child for child in running.supervisor.children() if child.name() == "tf-nursery")
    return float(sum(child.memory_full_info().uss for child in nursery.children(recursive=True)))


def measure(kind: str, count: int) -> dict[str, Any]:
    with fleet(workers=2) as running:
        settings = load_settings(home=running.home, fleet={"light": kind == "light"})
        launcher = build_launcher(settings, ensure_home(settings))
        job = running.client.submit(JOB)
        while steps(job) < 5:
            time.sleep(0.1)
        before, began = steps(job), time.perf_counter()
        for number in range(count - 1):
            launch(launcher, f"w-{number}")
        asked_s = time.perf_counter() - began
        while online(running) < count or (kind == "full" and warm(running) < count - 1):
            if time.perf_counter() - began > GIVE_UP_S:
                raise TimeoutError(f"{online(running)} of {count} agents after {GIVE_UP_S:.0f} s")
            time.sleep(0.1)
        took_s = time.perf_counter() - began
        made = steps(job) - before
        kinds = [event.kind for event in job.events()]
        found = {
            "agents": count, "seconds": took_s, "asked_s": asked_s, "job_steps": made,
            "job_attempts": kinds.count("job.started"), "bytes_each": private_bytes(running) / (count - 1),
            "load_average": psutil.getloadavg()[0],
        }  # fmt: skip
        job.cancel()
        return found


def main() -> None:
    results = {kind: measure(kind, count) for kind, count in (("light", LIGHT), ("full", FULL)) if count > 1}
    rows = [
        (
            kind,
            f"1 to {found['agents']}",
            f"{found['seconds']:.1f}",
            f"{LIMITS_S[kind]:.0f}",
            f"{found['bytes_each'] / 1e6:.0f}",
            str(found["job_steps"]),
        )
        for kind, found in results.items()
    ]
    table(
        "agents, while a job trains",
        rows,
        ("kind", "agents", "seconds", "limit", "MB of its own", "epochs meanwhile"),
    )
    write("fleet_start", results)


if __name__ == "__main__":
    main()
