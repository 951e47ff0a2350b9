"""How long a trivial job takes from submission to its end, beside a bare fork and beside what people use today."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorfleet
from benchmarks.fleet import fleet
from benchmarks.report import median_ms, spread_ms, table, write

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "50"))
PEER_ROUNDS = int(os.environ.get("BENCH_PEER_ROUNDS", "3"))
ONE = {"name": "one", "algorithm": "logistic_regression", "dataset": "iris"}
TWO = {
    "name": "two",
    "algorithm": "mlp",
    "dataset": "iris",
    "hyperparameters": {"hidden": [8], "epochs": 1, "batch_size": 32},
    "resources": {"workers": 2},
}
SCRIPT = Path(__file__).parent / "peers"


@contextmanager
def bare_fork() -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.bare_fork"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


def bare(process: subprocess.Popen[str], which: str) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(which + "\n")
    process.stdin.flush()
    return float(json.loads(process.stdout.readline()))


def ours(client: tensorfleet.Client, spec: dict[str, Any]) -> float:
    began = time.perf_counter()
    client.submit(spec).wait(timeout=60)
    return time.perf_counter() - began


def timed(*command: str, **options: Any) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=300, **options)
    return time.perf_counter() - began


def measure() -> dict[str, list[float]]:
    """Rounds of ours and of the limit in turn, then the peers, which are too slow to take part in every round."""
    times: dict[str, list[float]] = {name: [] for name in ("fork", "ours", "fork x2", "ours x2")}
    with fleet(workers=2) as platform, bare_fork() as limit:
        client = platform.client
        for spec in (ONE, TWO, ONE, TWO):
            ours(client, spec)
            bare(limit, "one"), bare(limit, "two")
        for _ in range(ROUNDS):
            times["fork"].append(bare(limit, "one"))
            times["ours"].append(ours(client, ONE))
            times["fork x2"].append(bare(limit, "two"))
            times["ours x2"].append(ours(client, TWO))
    return times | peers()


def peers() -> dict[str, list[float]]:
    python = sys.executable
    torchrun = str(Path(python).parent / "torchrun")
    times = {
        "python script.py": [timed(python, str(SCRIPT / "iris_fit.py")) for _ in range(PEER_ROUNDS)],
        "torchrun": [
            timed(
                torchrun,
                "--standalone",
                "--nproc-per-node",
                "2",
                str(SCRIPT / "iris_ddp.py"),
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            for _ in range(PEER_ROUNDS)
        ],
    }
    if shutil.which("ray", path=str(Path(python).parent)) is None:
        print("Ray is not installed here (make setup-bench installs it); its rows are left out")
        return times
    with tempfile.TemporaryDirectory(prefix="tfray-", dir="/tmp") as folder:
        env = {**os.environ, "RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
        answer = subprocess.run(
            [python, str(SCRIPT / "with_ray.py"), str(PEER_ROUNDS)],
            env=env,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    if answer.returncode:
        print(f"Ray did not run here: {answer.stderr.strip().splitlines()[-1:]}")
        return times
    return times | json.loads(answer.stdout.strip().splitlines()[-1])


def main() -> None:
    times = measure()
    limits = {"ours": "fork", "ours x2": "fork x2"}
    labels = {
        "fork": "bare fork of a warm process, fit",
        "ours": "TensorFleet, over HTTP, submit to completed",
        "fork x2": "bare fork of two, gloo + DDP",
        "ours x2": "TensorFleet, two ranks, submit to completed",
    }
    rows = []
    for name, seconds in times.items():
        two = name in ("fork x2", "ours x2", "torchrun", "Ray Train")
        base = median_ms(times["fork x2" if two else "fork"])
        rows.append(
            (
                labels.get(name, name),
                f"{median_ms(seconds):.0f}",
                spread_ms(seconds),
                f"{median_ms(seconds) / base:.1f}x",
                str(len(seconds)),
            )
        )
    table(
        "A trivial job, from its start to its end",
        rows,
        ("", "median ms", "quartiles", "to the fork", "rounds"),
    )
    for name, limit in limits.items():
        print(f"\n  {labels[name]}: {median_ms(times[name]) / median_ms(times[limit]):.2f}x {labels[limit]}")
    write("job_start", {"seconds": times})


if __name__ == "__main__":
    main()
