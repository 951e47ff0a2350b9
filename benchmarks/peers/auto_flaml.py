"""The same search by FLAML: prints one JSON line with the seconds, the loss on the held-out rows and how many models it tried."""

import json
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")


def main(path: str, task: str, budget_s: float, seed: int) -> None:
    from flaml import AutoML

    data = np.load(path, allow_pickle=False)
    classify = task == "classification"
    began = time.perf_counter()
    model = AutoML()
    model.fit(
        data["x"],
        data["y"],
        task=task,
        metric="log_loss" if classify else "rmse",
        time_budget=budget_s,
        eval_method="cv",
        n_splits=5,
        n_jobs=1,
        ensemble=True,
        seed=seed,
        verbose=0,
    )
    seconds = time.perf_counter() - began
    if classify:
        chances = model.predict_proba(data["test_x"])
        said = np.clip(chances[np.arange(len(chances)), data["test_y"]], 2.3e-16, 1)
        loss = float(-np.log(said).mean())
    else:
        loss = float(np.sqrt(((model.predict(data["test_x"]) - data["test_y"]) ** 2).mean()))
    print(json.dumps({"seconds": seconds, "loss": loss}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
