"""`algorithm: auto` beside plain models and beside FLAML: the loss on held-out rows, and seconds.

All see the same training rows and are measured on the same held-out ones: a fifth, by the seed.  Classes are compared by the log
loss, numbers by the root mean squared error.  FLAML gets the same time, one core as ours, and may make an ensemble too; it runs
where BENCH_FLAML names a Python that has `flaml[automl]`, else it is left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.fleet import Fleet, fleet
from benchmarks.report import table, write

DATASETS = {"wine": "log_loss", "breast_cancer": "log_loss", "digits": "log_loss", "diabetes": "rmse"}
PLAIN = {
    "log_loss": ("random_forest", "extra_trees", "logistic_regression", "xgboost", "lightgbm"),
    "rmse": ("random_forest", "extra_trees", "ridge", "xgboost", "lightgbm"),
}
BUDGET_S = float(os.environ.get("BENCH_AUTO_BUDGET", "30"))
ROUNDS = int(os.environ.get("BENCH_AUTO_ROUNDS", "3"))
FLAML = os.environ.get("BENCH_FLAML", "")
SCRIPT = Path(__file__).parent / "peers" / "auto_flaml.py"


def ours(platform: Fleet, dataset: str, algorithm: str, seed: int) -> dict[str, Any]:
    hyperparameters = {"time_budget_s": BUDGET_S} if algorithm == "auto" else {}
    spec = {"name": f"{dataset}-{algorithm}", "algorithm": algorithm, "dataset": dataset, "seed": seed}
    job = platform.client.submit(spec | {"hyperparameters": hyperparameters}).wait(timeout=900)
    assert job.status == "completed", job.data["error"]
    metric = DATASETS[dataset]
    found = {"loss": job.data["metrics"][metric], "seconds": _seconds(job.data)}
    if algorithm == "auto":
        found["candidates"] = len(job.leaderboard())
    return found


def _seconds(data: dict[str, Any]) -> float:
    from datetime import datetime

    began, ended = (datetime.fromisoformat(data[key]) for key in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def flaml(dataset: str, seed: int) -> dict[str, Any] | None:
    if not FLAML:
        return None
    task = "classification" if DATASETS[dataset] == "log_loss" else "regression"
    with tempfile.TemporaryDirectory(prefix="tfbench-") as folder:
        path = Path(folder) / "rows.npz"
        _write_rows(path, dataset, task, seed)
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [FLAML, str(SCRIPT), str(path), task, str(BUDGET_S), str(seed)]
        done = subprocess.run(
            command, env=env, cwd=folder, capture_output=True, text=True, timeout=900, check=False
        )
    if done.returncode:
        print(f"FLAML did not run here: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _write_rows(path: Path, dataset: str, task: str, seed: int) -> None:
    """The rows as our jobs split them."""
    import io

    import numpy as np
    import polars as pl
    from sklearn.model_selection import train_test_split

    from tensorfleet.datasets.samples import SAMPLES, sample_csv

    frame = pl.read_csv(io.BytesIO(sample_csv(dataset)))
    target = frame[SAMPLES[dataset].target]
    x = frame.drop(target.name).to_numpy()
    y = target.to_numpy()
    if task == "classification":
        y = np.unique(target.cast(pl.String).to_numpy().astype(str), return_inverse=True)[1]
    stratify = y if task == "classification" else None
    x, test_x, y, test_y = train_test_split(x, y, test_size=0.2, random_state=seed, stratify=stratify)
    np.savez(path, x=x, y=y, test_x=test_x, test_y=test_y)


def measure() -> list[dict[str, Any]]:
    """One entry for each dataset, seed and way; the ways of a pair run one after the other."""
    runs = []
    with fleet(workers=1) as platform:
        for seed in range(1, ROUNDS + 1):
            for dataset, metric in DATASETS.items():
                found = {name: ours(platform, dataset, name, seed) for name in ("auto", *PLAIN[metric])}
                peer = flaml(dataset, seed)
                found |= {"flaml": peer} if peer else {}
                runs += [{"dataset": dataset, "seed": seed, "way": way, **one} for way, one in found.items()]
                shown = "  ".join(f"{way} {one['loss']:.4g}" for way, one in found.items())
                print(f"{dataset:<14} seed {seed}  {shown}", flush=True)
    return runs


def ratios(runs: list[dict[str, Any]]) -> dict[str, float]:
    """The geometric mean over the pairs of the other way's loss divided by ours: above 1, ours is better."""
    loss = {(one["dataset"], one["seed"], one["way"]): one["loss"] for one in runs}
    found = {}
    for way in sorted({one["way"] for one in runs} - {"auto"}):
        pairs = [value / loss[*key[:2], "auto"] for key, value in loss.items() if key[2] == way]
        found[f"{way}_to_auto"] = statistics.geometric_mean(pairs)
    best = [
        min(loss[dataset, seed, way] for way in PLAIN[metric]) / loss[dataset, seed, "auto"]
        for dataset, metric in DATASETS.items()
        for seed in range(1, ROUNDS + 1)
    ]
    # Which of them is best is known afterwards only.
    found["best_plain_to_auto"] = statistics.geometric_mean(best)
    return found


def main() -> None:
    runs = measure()
    rows = []
    for dataset in DATASETS:
        for way in dict.fromkeys(one["way"] for one in runs if one["dataset"] == dataset):
            some = [one for one in runs if (one["dataset"], one["way"]) == (dataset, way)]
            loss, seconds = (statistics.median(one[name] for one in some) for name in ("loss", "seconds"))
            rows.append((f"{dataset}, {way}", f"{loss:.4g}", f"{seconds:.1f}"))
    table(f"Loss on held-out rows within {BUDGET_S:.0f} s", rows, ("", "median loss", "seconds"))
    found = ratios(runs)
    for name, ratio in found.items():
        print(f"  {name}: {ratio:.2f}")
    write("auto", {"budget_s": BUDGET_S, "runs": runs, "ratios": found})


if __name__ == "__main__":
    sys.exit(main())
