"""XGBoost and LightGBM: a job of one rank and one of two beside the library alone, in one run.

All train on the same rows of the same Parquet file, with one thread per process: 80 % of BENCH_BOOST_ROWS rows, 30 columns, two
classes, depth 6 (31 leaves), 50 rounds.  `alone` is a script in a process of its own that knows nothing of TensorFleet.  `rounds`
is the boosting itself, with what it needs before the first round; `whole` is everything from submit, or from the start of the
script, to the end.  Ours also measure each round on the training and held-out rows, and leave a model folder.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.fleet import fleet
from benchmarks.report import table, write
from tensorfleet.sdk.client import Client

ROWS = int(os.environ.get("BENCH_BOOST_ROWS", "1000000"))
REPEATS = int(os.environ.get("BENCH_BOOST_REPEATS", "3"))
COLUMNS, ROUNDS = 30, 50
HYPER = {
    "xgboost": {"n_estimators": ROUNDS, "max_depth": 6},
    "lightgbm": {"n_estimators": ROUNDS, "num_leaves": 31},
}
ALONE = """
import sys, time
import polars as pl
from sklearn.model_selection import train_test_split

library, path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
frame = pl.read_parquet(path)
y = frame["target"].to_numpy()
train, held_out = train_test_split(range(len(y)), test_size=0.2, random_state=7, stratify=y)
x = frame.drop("target").to_numpy()
began = time.perf_counter()
if library == "xgboost":
    import xgboost
    params = {"objective": "binary:logistic", "max_depth": 6, "nthread": threads, "seed": 7, "tree_method": "hist"}
    matrix = xgboost.QuantileDMatrix(x[train], y[train], nthread=threads)
    predict = lambda booster: booster.inplace_predict(x[held_out])
    booster = xgboost.train(params, matrix, ROUNDS)
else:
    import lightgbm
    params = {"objective": "binary", "num_leaves": 31, "num_threads": threads, "seed": 7, "verbosity": -1}
    booster = lightgbm.train(params, lightgbm.Dataset(x[train], y[train]), ROUNDS)
    predict = lambda booster: booster.predict(x[held_out])
rounds = time.perf_counter() - began
print(rounds, ((predict(booster) > 0.5) == y[held_out]).mean())
"""


def make_rows(path: Path) -> None:
    """Two classes that follow from ten of the columns, with noise."""
    import numpy as np
    import polars as pl

    generator = np.random.default_rng(1)
    x = generator.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    score = x[:, :5].sum(axis=1) + x[:, 5] * x[:, 6] + np.sin(3 * x[:, 7]) + generator.normal(size=ROWS)
    frame = pl.DataFrame(x, schema=[f"c{number}" for number in range(COLUMNS)])
    frame.with_columns(pl.Series("target", (score > 0).astype(np.int64))).write_parquet(path)


def alone(library: str, path: Path, threads: int) -> tuple[float, float, float]:
    """Seconds of the rounds and of the whole, and the accuracy on the held-out rows."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [
        sys.executable,
        "-c",
        ALONE.replace("ROUNDS", str(ROUNDS)),
        library,
        str(path),
        str(threads),
    ]
    began = time.perf_counter()
    said = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.split()
    return float(said[-2]), time.perf_counter() - began, float(said[-1])


def ours(client: Client, library: str, workers: int) -> tuple[float, float, float]:
    """The same of a job on so many ranks."""
    began = time.perf_counter()
    job = client.submit(
        {
            "name": f"boost-{library}-{workers}",
            "algorithm": library,
            "dataset": "boosting",
            "target_column": "target",
            "hyperparameters": HYPER[library],
            "resources": {"workers": workers},
        }
    ).wait()
    whole = time.perf_counter() - began
    lines = [line.text for line in job.logs(rank=0)]
    rounds = next(float(found[1]) for line in lines if (found := re.search(r"rounds in ([\d.]+) s", line)))
    return rounds, whole, float(job.data["metrics"]["accuracy"])


def main() -> None:
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    with fleet(workers=2) as platform, tempfile.TemporaryDirectory(prefix="tensorfleet-boosting-") as folder:
        path = Path(folder) / "boosting.parquet"
        make_rows(path)
        platform.client.datasets.add(path, name="boosting")
        for _ in range(REPEATS):
            for library in HYPER:
                found[library, "alone, 1 thread"].append(alone(library, path, 1))
                found[library, "ours, 1 rank"].append(ours(platform.client, library, 1))
                found[library, "ours, 2 ranks"].append(ours(platform.client, library, 2))
                found[library, "alone, 2 threads"].append(alone(library, path, 2))
    middle = {
        key: [statistics.median(column) for column in zip(*values, strict=True)]
        for key, values in found.items()
    }
    rows = []
    for (library, name), (rounds, whole, accuracy) in middle.items():
        times = f"{middle[library, 'alone, 1 thread'][0] / rounds:.2f}"
        rows.append((f"{library}: {name}", f"{rounds:.2f}", times, f"{whole:.2f}", f"{accuracy:.4f}"))
    head = ("", "rounds s", "x of alone", "whole s", "accuracy")
    table(f"{ROWS} rows x {COLUMNS}, {ROUNDS} rounds; medians of {REPEATS}", rows, head)
    runs = {f"{library}: {name}": values for (library, name), values in found.items()}
    write("boosting", {"rows": ROWS, "columns": COLUMNS, "rounds": ROUNDS, "rounds_whole_accuracy": runs})


if __name__ == "__main__":
    main()
