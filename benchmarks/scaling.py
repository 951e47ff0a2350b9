"""How training scales from 1 to 50 workers: a step is a fixed sleep, the exchange of gradients is real; weak scaling.

One script for all: a DDP model of BENCH_SCALING_BYTES whose computing is a sleep.  Ours runs it as a gang of as many agents of
one slot, reports every step and saves every BENCH_SCALING_SAVE_EVERY-th.  The limit is the same ranks forked by hand from a
warm process, which report and save nothing.  What the limit loses against the sleep alone is the exchange on this machine's
cores; what ours loses against the limit is our own overhead.  Both go two ways: through shared memory, as every DDP model does
under TensorFleet where its ranks are on one machine, and over gloo's sockets, which leave no core free for anybody else.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet import Fleet, fleet
from benchmarks.fleet_start import launch, online
from benchmarks.report import table, write
from tensorfleet.fleet.ports import Launcher
from tensorfleet.settings import ensure_home, load_settings
from tensorfleet.supervisor.launchers import build_launcher

WORKERS = [int(count) for count in os.environ.get("BENCH_SCALING_WORKERS", "1,2,5,10,20,35,50").split(",")]
ROUNDS = int(os.environ.get("BENCH_SCALING_ROUNDS", "3"))
STEPS = int(os.environ.get("BENCH_SCALING_STEPS", "40"))
STEP_S = float(os.environ.get("BENCH_SCALING_STEP_S", "0.25"))
BYTES = int(os.environ.get("BENCH_SCALING_BYTES", str(1 << 20)))
SLOTS = int(os.environ.get("BENCH_SCALING_SLOTS", "1"))
"""Of the first agent: with as many as there are workers, one agent does for all of the machine, as `up --workers` has it."""
SAVE_EVERY = int(os.environ.get("BENCH_SCALING_SAVE_EVERY", "20"))
WARM = 5
LIMIT = 0.05
JOIN_LIMIT_S, JOB_LIMIT_S = 120.0, 900.0
SCRIPT = Path(__file__).parent / "peers" / "scaling_train.py"
WAYS: dict[str, list[str]] = {"shared memory": [], "gloo": ["--gloo"]}
"""How gradients are averaged, and what the script is told then."""


@dataclass(frozen=True)
class Run:
    """One gang: its steps per second once it goes, the seconds of the whole, and of which the platform's own CPU time."""

    per_s: float
    whole_s: float
    platform_cpu_s: float = 0.0


Contender = Callable[[int, Path], Run]


def arguments(out: Path, *more: str) -> list[str]:
    return [str(out), str(STEPS), str(STEP_S), str(BYTES), str(SAVE_EVERY), *more]


def rate(out: Path) -> float:
    ends = json.loads((out / "ends.json").read_text())
    return float((len(ends) - WARM) / (ends[-1] - ends[WARM - 1]))


@contextmanager
def by_hand() -> Iterator[Callable[..., Contender]]:
    """Makes contenders that run the script with these further arguments."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.bare_gang"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, said = process.stdin, process.stdout
        said.readline()

        def contender(*more: str) -> Contender:
            def run(workers: int, out: Path) -> Run:
                asked.write(json.dumps([workers, str(SCRIPT), *arguments(out, "--bare", *more)]) + "\n")
                asked.flush()
                whole_s = float(json.loads(said.readline()))
                return Run(rate(out), whole_s)

            return run

        yield contender
        asked.close()


def with_tensorfleet(running: Fleet, code: Path, *more: str) -> Contender:
    def run(workers: int, out: Path) -> Run:
        spec = {
            "name": f"scaling-{workers}", "entrypoint": SCRIPT.name, "code": str(code), "args": arguments(out, *more),
            "resources": {"workers": workers},
        }  # fmt: skip
        before, began = cpu_s(running), time.perf_counter()
        running.client.submit(spec).wait(timeout=JOB_LIMIT_S)
        whole_s = time.perf_counter() - began
        return Run(rate(out), whole_s, cpu_s(running) - before)

    return run


def cpu_s(running: Fleet) -> float:
    """What the platform's processes have used so far; tasks have ended when this is asked."""
    family = [running.supervisor, *running.supervisor.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def grow(running: Fleet, launcher: Launcher, workers: int) -> None:
    agents = 1 + max(0, workers - SLOTS)
    for number in range(online(running), agents):
        launch(launcher, f"w-{number}")
    deadline = time.monotonic() + JOIN_LIMIT_S
    while online(running) < agents:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{online(running)} of {agents} agents after {JOIN_LIMIT_S:.0f} s")
        time.sleep(0.1)


def one_round(contenders: dict[str, Contender], workers: int, order: int) -> dict[str, Run]:
    names = list(contenders)
    found = {}
    for name in names[order % len(names) :] + names[: order % len(names)]:
        with tempfile.TemporaryDirectory(prefix="tensorfleet-scaling-") as out:
            found[name] = contenders[name](workers, Path(out))
    return found


def measure() -> dict[int, dict[str, list[Run]]]:
    runs: dict[int, dict[str, list[Run]]] = {}
    with (
        fleet(workers=SLOTS) as running,
        by_hand() as limit,
        tempfile.TemporaryDirectory(prefix="tensorfleet-scaling-") as code,
    ):
        Path(code, SCRIPT.name).write_text(SCRIPT.read_text())
        settings = load_settings(home=running.home)
        launcher = build_launcher(settings, ensure_home(settings))
        contenders: dict[str, Contender] = {}
        for way, more in WAYS.items():
            contenders[f"limit, {way}"] = limit(*more)
            contenders[f"ours, {way}"] = with_tensorfleet(running, Path(code), *more)
        for workers in sorted(WORKERS):
            grow(running, launcher, workers)
            one_round(contenders, workers, 0)  # what is new is cold
            runs[workers] = defaultdict(list)
            for order in range(ROUNDS):
                for name, run in one_round(contenders, workers, order).items():
                    runs[workers][name].append(run)
            print(f"  {workers} workers done", file=sys.stderr, flush=True)
    return runs


def figures(ours: list[Run], limit: list[Run]) -> dict[str, Any]:
    """Medians, and medians of what the pairs of a round say of each other."""
    pairs = list(zip(ours, limit, strict=True))
    lost = [1 - mine.per_s / bare.per_s for mine, bare in pairs]
    per_s, limit_per_s = (statistics.median(run.per_s for run in found) for found in (ours, limit))
    return {
        "per_s": per_s,
        "limit_per_s": limit_per_s,
        "efficiency": per_s * STEP_S,
        "lost_to_exchange": 1 - limit_per_s * STEP_S,
        "lost_to_us": statistics.median(lost),
        "lost_to_us_range": [min(lost), max(lost)],
        "whole_s": statistics.median(run.whole_s for run in ours),
        "more_whole_s": statistics.median(mine.whole_s - bare.whole_s for mine, bare in pairs),
        "lost_to_us_whole": statistics.median(1 - bare.whole_s / mine.whole_s for mine, bare in pairs),
        "platform_cores": statistics.median(run.platform_cpu_s / run.whole_s for run in ours),
        "runs": {"ours": [asdict(run) for run in ours], "limit": [asdict(run) for run in limit]},
    }


def show(way: str, found: dict[int, dict[str, Any]]) -> None:
    rows = [
        (
            str(workers),
            f"{of['limit_per_s']:.2f}",
            f"{of['per_s']:.2f}",
            f"{of['efficiency']:.0%}",
            f"{of['lost_to_exchange']:.1%}",
            f"{of['lost_to_us']:.1%}",
            f"{of['lost_to_us_range'][0]:.1%}..{of['lost_to_us_range'][1]:.1%}",
            f"{of['whole_s']:.1f}",
            f"{of['more_whole_s']:+.1f}",
            f"{of['platform_cores']:.2f}",
        )
        for workers, of in found.items()
    ]
    head = (
        "workers", "limit, steps/s", "ours", "efficiency", "lost to the exchange", "lost to us", "range", "whole job, s",
        "to the limit's", "cores for us",
    )  # fmt: skip
    title = (
        f"{way}: {STEP_S * 1000:.0f} ms a step, {1 / STEP_S:g} steps/s at best, {BYTES / 1e6:.1f} MB of gradients,"
        f" {STEPS} steps, {ROUNDS} rounds"
    )
    table(title, rows, head)
    print()
    for workers, of in found.items():
        print(f"  {workers:3}  {'#' * round(of['efficiency'] * 60):60} {of['efficiency']:4.0%}")


def main() -> None:
    runs = measure()
    results: dict[str, Any] = {}
    for way in WAYS:
        found = {workers: figures(of[f"ours, {way}"], of[f"limit, {way}"]) for workers, of in runs.items()}
        show(way, found)
        last = found[max(found)]
        print(
            f"\n  {max(found)} workers, {way}: {last['lost_to_us']:.1%} lost to our own overhead (limit {LIMIT:.0%});"
            f" over the whole job, with its start and its end, {last['lost_to_us_whole']:.1%}"
        )
        results[way] = found
    about = {"step_s": STEP_S, "bytes": BYTES, "steps": STEPS, "rounds": ROUNDS, "save_every": SAVE_EVERY}
    write("scaling", {**about, **results})


if __name__ == "__main__":
    main()
