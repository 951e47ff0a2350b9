"""Samples per second of data-parallel training on CPUs: ours beside torchrun, Ray Train and the limit, in interleaved rounds.

One script for all, written for torchrun; ours runs it unchanged, as a job of two ranks.  The limit is two processes that train at
the same time and share nothing but the machine.  One thread a rank.  Start-up is not counted: `job_start` measures it.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorfleet
from benchmarks.fleet import fleet
from benchmarks.report import table, write

ROUNDS = int(os.environ.get("BENCH_DDP_ROUNDS", "5"))
NETS = {"mlp": "MLP 784-1024-1024-10", "cnn": "CNN, 2 convolutions"}
SCRIPTS = Path(__file__).parent / "peers"
SCRIPT = SCRIPTS / "ddp_train.py"
BIN = Path(sys.executable).parent
LABELS = {
    "one": "one process",
    "limit": "two independent processes, the limit",
    "ours": "TensorFleet, two ranks",
    "torchrun": "torchrun, two ranks, gloo",
    "ray": "Ray Train, two workers",
}
Contender = Callable[[str, Path], None]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", **more}


def alone(count: int) -> Contender:
    def run(net: str, out: Path) -> None:
        command = [sys.executable, str(SCRIPT), net, str(out), "--gate", str(count)]
        started = [subprocess.Popen(command, env=environment()) for _ in range(count)]
        assert [process.wait(300) for process in started] == [0] * count

    return run


def with_torchrun(net: str, out: Path) -> None:
    command = [str(BIN / "torchrun"), "--standalone", "--nproc-per-node", "2", str(SCRIPT), net, str(out)]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=300)


def with_ray(net: str, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tfray-", dir="/tmp") as folder:
        env = environment(RAY_TMPDIR=folder, RAY_USAGE_STATS_ENABLED="0", PYTHONPATH=str(SCRIPTS))
        command = [sys.executable, str(SCRIPTS / "ddp_ray.py"), net, str(out)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        print(f"Ray did not run here: {done.stderr.strip().splitlines()[-1:]}")


def with_tensorfleet(client: tensorfleet.Client, code: Path) -> Contender:
    def run(net: str, out: Path) -> None:
        spec = {
            "name": f"ddp-{net}", "entrypoint": SCRIPT.name, "code": str(code), "args": [net, str(out)],
            "resources": {"workers": 2},
        }  # fmt: skip
        client.submit(spec).wait(timeout=300)

    return run


def rate(out: Path) -> float:
    """Samples per second of all ranks together, by the median block of each; 0 when there was no run."""
    found = [json.loads(path.read_text()) for path in out.glob("*.json")]
    return sum(one["samples"] / statistics.median(one["seconds"]) for one in found)


def one_round(contenders: dict[str, Contender], rates: dict[str, dict[str, list[float]]], order: int) -> None:
    names = list(contenders)
    for net in NETS:
        for name in names[order % len(names) :] + names[: order % len(names)]:
            with tempfile.TemporaryDirectory(prefix="tensorfleet-ddp-") as out:
                contenders[name](net, Path(out))
                if found := rate(Path(out)):
                    rates[net].setdefault(name, []).append(found)


def measure() -> dict[str, dict[str, list[float]]]:
    rates: dict[str, dict[str, list[float]]] = {net: {} for net in NETS}
    contenders: dict[str, Contender] = {"one": alone(1), "limit": alone(2), "torchrun": with_torchrun}
    if shutil.which("ray", path=str(BIN)):
        contenders["ray"] = with_ray
    else:
        print("Ray is not installed here (make setup-bench installs it); its rows are left out")
    with fleet(workers=2) as platform, tempfile.TemporaryDirectory(prefix="tensorfleet-ddp-") as code:
        shutil.copy(SCRIPT, code)
        contenders["ours"] = with_tensorfleet(platform.client, Path(code))
        for order in range(ROUNDS):
            one_round(contenders, rates, order)
    return rates


def show(net: str, rates: dict[str, list[float]]) -> dict[str, float]:
    """Prints the table of one network; returns the ratios of ours to the others."""
    medians = {name: statistics.median(rates[name]) for name in LABELS if name in rates}
    ratios = {name: medians["ours"] / median for name, median in medians.items() if name != "ours"}
    rows = [
        (
            LABELS[name],
            f"{median:,.0f}",
            f"{min(rates[name]):,.0f}..{max(rates[name]):,.0f}",
            f"{ratios[name]:.2f}x" if name in ratios else "",
        )
        for name, median in medians.items()
    ]
    title = f"{NETS[net]}, batch 256 a rank, {ROUNDS} rounds"
    table(title, rows, ("", "samples/s", "range", "ours is"))
    return ratios


def main() -> None:
    rates = measure()
    ratios = {net: show(net, found) for net, found in rates.items()}
    write("ddp", {"samples_per_s": rates, "ours_to": ratios, "rounds": ROUNDS})


if __name__ == "__main__":
    main()
