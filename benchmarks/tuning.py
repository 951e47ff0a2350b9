"""A study of trivial trials, from submission to its end: beside Ray Tune, and beside the least that it can cost.

A trial fits a logistic regression on iris.  The least is what Optuna alone takes to propose the trials, plus the trials bare: a
warm process forks for each, two at a time, and the child does the fit and exits.  Ours does more in each trial: it is queued,
leased and logged durably, evaluated, and leaves a model.  Platform and Ray run already when their clocks start.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.fleet import Fleet, fleet
from benchmarks.report import table, write

FEW, MANY = 20, 100
ROUNDS = int(os.environ.get("BENCH_TUNING_ROUNDS", "3"))
RAY_ROUNDS = int(os.environ.get("BENCH_TUNING_RAY_ROUNDS", "2"))
SCRIPTS = Path(__file__).parent / "peers"
SPACE = {"C": {"float": [0.01, 100], "log": True}}


def spec(trials: int, seed: int) -> dict[str, Any]:
    objective = {"metric": "accuracy", "direction": "maximize"}
    tune = {"space": SPACE, "objective": objective, "trials": trials, "parallel": 4, "seed": seed}
    return {"name": f"study-{trials}", "algorithm": "logistic_regression", "dataset": "iris", "tune": tune}


def ours(platform: Fleet, trials: int, seed: int) -> float:
    began = time.perf_counter()
    study = platform.client.tune(spec(trials, seed)).wait(timeout=300)
    seconds = time.perf_counter() - began
    assert study.summary()["counts"]["completed"] == trials
    return seconds


def plain_jobs(platform: Fleet, count: int, turn: int) -> float:
    """The same trials as plain jobs, submitted in one call: what the study itself adds is the difference."""
    items = [
        {
            "name": f"plain-{turn}-{number}", "algorithm": "logistic_regression", "dataset": "iris",
            "hyperparameters": {"C": 0.01 + number}, "idempotency_key": f"plain-{turn}-{number}",
        }
        for number in range(count)
    ]  # fmt: skip
    began = time.perf_counter()
    answer = platform.client.transport.call("POST", "/jobs/batch", json={"items": items})
    for item in answer["items"]:
        platform.client.jobs.get(item["job"]["job_id"]).wait(timeout=300)
    return time.perf_counter() - began


def optuna_alone(trials: int, seed: int) -> float:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    began = time.perf_counter()
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda trial: -trial.suggest_float("C", 0.01, 100, log=True), n_trials=trials)
    return time.perf_counter() - began


def bare(trials: int) -> list[float]:
    """Seconds of each round of the trials, forked from a warm process of their own."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.tuning", "bare", str(trials), str(ROUNDS)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=True)
    return list(json.loads(done.stdout))


def fit(c: float) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    X, y = load_iris(return_X_y=True)
    X, test, y, truth = train_test_split(X, y, test_size=0.2, random_state=7, stratify=y)
    LogisticRegression(C=c, max_iter=1000).fit(X, y).score(test, truth)


def forked(trials: int) -> float:
    """Two at a time, a child for each."""
    began = time.perf_counter()
    running = 0
    for number in range(trials):
        if running == 2:
            running -= _reaped()
        if os.fork() == 0:
            code = 1
            try:
                fit(0.01 + number)
                code = 0
            finally:
                os._exit(code)
        running += 1
    while running:
        running -= _reaped()
    return time.perf_counter() - began


def _reaped() -> int:
    _, status = os.wait()
    assert status == 0
    return 1


def bare_main(trials: int, rounds: int) -> None:
    from tensorfleet.training.template_imports import warm_imports

    warm_imports()
    import sklearn.datasets
    import sklearn.linear_model
    import sklearn.model_selection  # noqa: F401 - as warm as the work needs

    print(json.dumps([forked(trials) for _ in range(rounds)]))


def ray_tune() -> list[float]:
    """Empty where Ray is not installed or does not run."""
    with tempfile.TemporaryDirectory(prefix="tfray-", dir="/tmp") as folder:
        env = {**os.environ, "RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(SCRIPTS / "tune_ray.py"), str(FEW), str(RAY_ROUNDS)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        print(f"Ray Tune did not run here: {done.stderr.strip().splitlines()[-1:]}")
        return []
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def measure() -> dict[str, list[float]]:
    with fleet(workers=2) as platform:
        first = ours(platform, FEW, 0)  # starts the tuner, and imports Optuna
        times = {
            f"TensorFleet, {FEW} trials, the first study": [first],
            f"TensorFleet, {FEW} trials": [ours(platform, FEW, turn) for turn in range(ROUNDS)],
            f"TensorFleet, {MANY} trials": [ours(platform, MANY, turn) for turn in range(ROUNDS)],
            f"TensorFleet, the same {MANY} as plain jobs": [
                plain_jobs(platform, MANY, turn) for turn in range(ROUNDS)
            ],
        }
    times[f"Optuna alone, {MANY} trials"] = [optuna_alone(MANY, turn) for turn in range(ROUNDS)]
    times[f"{MANY} trials bare"] = bare(MANY)
    times[f"Ray Tune, {FEW} trials"] = ray_tune()
    return times


def main() -> None:
    times = measure()
    median = {name: statistics.median(found) for name, found in times.items() if found}
    rows = [
        (name, f"{median[name]:.2f}", f"{min(found):.2f}..{max(found):.2f}")
        for name, found in times.items()
        if found
    ]
    table("A study, seconds", rows, ("", "median", "range"))
    least = median[f"Optuna alone, {MANY} trials"] + median[f"{MANY} trials bare"]
    ratios = {"many_to_least": median[f"TensorFleet, {MANY} trials"] / least}
    ratios["many_to_plain_jobs"] = (
        median[f"TensorFleet, {MANY} trials"] / median[f"TensorFleet, the same {MANY} as plain jobs"]
    )
    ray = median.get(f"Ray Tune, {FEW} trials")
    if ray is not None:
        ratios["ray_to_ours"] = ray / median[f"TensorFleet, {FEW} trials"]
        ratios["ray_to_ours_first"] = ray / median[f"TensorFleet, {FEW} trials, the first study"]
    for name, ratio in ratios.items():
        print(f"  {name}: {ratio:.2f}")
    write("tuning", {"seconds": times, "ratios": ratios})


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        bare_main(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
