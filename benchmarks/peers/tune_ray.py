"""The same study on Ray Tune with Optuna's search.  Prints seconds of each round as JSON on the last line."""

import json
import os
import sys
import time

import ray
from ray import tune
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch


def trial(config: dict[str, float]) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    X, y = load_iris(return_X_y=True)
    X, test, y, truth = train_test_split(X, y, test_size=0.2, random_state=7, stratify=y)
    model = LogisticRegression(C=config["C"], max_iter=1000).fit(X, y)
    tune.report({"accuracy": float(model.score(test, truth))})


def one_round(count: int) -> float:
    began = time.perf_counter()
    search = ConcurrencyLimiter(OptunaSearch(metric="accuracy", mode="max", seed=1), max_concurrent=2)
    found = tune.Tuner(
        trial,
        param_space={"C": tune.loguniform(0.01, 100)},
        tune_config=tune.TuneConfig(metric="accuracy", mode="max", num_samples=count, search_alg=search),
        run_config=tune.RunConfig(storage_path=os.environ["RAY_TMPDIR"], verbose=0),
    ).fit()
    assert len(found) == count
    assert found.num_errors == 0
    return time.perf_counter() - began


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=150_000_000, log_to_driver=False)
    seconds = [one_round(int(sys.argv[1])) for _ in range(int(sys.argv[2]))]
    ray.shutdown()
    print(json.dumps(seconds))
