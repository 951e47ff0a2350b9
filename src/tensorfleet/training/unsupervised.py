"""Algorithms without a target: all rows are learned from, and a target that is known only judges what was found."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput
from tensorfleet.training import artifacts, sklearn_trainers
from tensorfleet.training.algorithm import ANOMALIES, CLUSTERING, REDUCTION, Params, SklearnAlgorithm
from tensorfleet.training.data import load_rows
from tensorfleet.training.splitting import SplitPolicy

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.data import Problem
    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

SHOWN = 20
MOST_GROUPS_SHOWN = 100
SILHOUETTE_ROWS = 10_000


def train(session: Session, algorithm: SklearnAlgorithm, params: Params) -> dict[str, Any]:
    """Trains on this process alone and returns the task's outcome."""
    from sklearn import config_context

    if SplitPolicy.of(session.context.spec) != SplitPolicy():
        raise InvalidInput(
            f"split: {algorithm.name} learns from all rows and holds none out; leave split out"
        )
    problem = load_rows(session, algorithm)
    _check(problem, params)
    pipeline = sklearn_trainers.build_pipeline(problem, problem.features, algorithm, params, session.context)
    print(
        f"{algorithm.name}: {problem.task} of {problem.features.height} rows, {problem.features.width} columns",
        flush=True,
    )
    session.timeline.mark("prepared")
    session.progress(0.1)
    started = time.perf_counter()
    try:
        with config_context(skip_parameter_validation=True):  # `params` has checked them
            X = pipeline[0].fit_transform(problem.features) if len(pipeline) > 1 else problem.features
            pipeline[-1].fit(X)
            session.timeline.fitted(problem.features.height, time.perf_counter() - started)
    except ValueError as error:
        raise DataInvalid(
            f"{algorithm.name} cannot be trained on this data: {str(error).splitlines()[0]}"
        ) from error
    print(f"trained in {time.perf_counter() - started:.3f} s", flush=True)
    session.progress(0.8)
    metrics, evaluation = _JUDGES[problem.task](problem, pipeline[-1], X, session.context.seed)
    print("  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    session.report(step=1, **metrics)
    model = artifacts.publish_sklearn(session, replace(problem, target=None), pipeline)
    session.progress(1.0)
    about = {"task": problem.task, "target": problem.target, "rows": problem.features.height}
    return {"metrics": metrics, "evaluation": about | evaluation, "model": model}


def _check(problem: Problem, params: Params) -> None:
    """Numbers that only the data can refuse."""
    rows, columns = problem.features.shape
    clusters = getattr(params, "n_clusters", 0)
    if clusters > rows:
        raise InvalidInput(f"hyperparameters.n_clusters is {clusters}, but there are {rows} rows")
    components = getattr(params, "n_components", None)
    numeric = all(kind.is_numeric() for kind in problem.features.dtypes)
    if numeric and isinstance(components, int) and components > min(rows, columns):
        raise InvalidInput(
            f"hyperparameters.n_components is {components},"
            f" but {rows} rows of {columns} columns have {min(rows, columns)} at most"
        )


def _judge_clusters(
    problem: Problem, model: Any, X: Any, seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """By the labels that the fit itself gave; silhouette without noise, on at most 10,000 rows drawn by the seed."""
    import numpy as np
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    labels = model.labels_
    groups, sizes = np.unique(labels[labels >= 0], return_counts=True)
    metrics = {"clusters": float(len(groups)), "noise_share": float((labels < 0).mean())}
    if hasattr(model, "inertia_"):
        metrics["inertia"] = float(model.inertia_)
    placed = np.flatnonzero(labels >= 0)
    if len(placed) > SILHOUETTE_ROWS:
        placed = np.sort(np.random.default_rng(seed).choice(placed, SILHOUETTE_ROWS, replace=False))
    if 1 < len(np.unique(labels[placed])) < len(placed):
        metrics["silhouette"] = float(silhouette_score(np.asarray(X)[placed], labels[placed]))
    if len(problem.y):
        metrics["adjusted_rand"] = float(adjusted_rand_score(problem.y, labels))
    largest = np.argsort(-sizes, kind="stable")[:MOST_GROUPS_SHOWN]
    shown = [{"cluster": int(groups[i]), "rows": int(sizes[i])} for i in largest]
    return metrics, {"clusters": shown, "samples": _samples(problem, labels)}


def _judge_anomalies(
    problem: Problem, model: Any, X: Any, seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """-1 is an anomaly, 1 is none.  With a target of two values the rarer one counts as the true anomalies."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    scores = model.score_samples(X)
    predicted = np.where(scores < model.offset_, -1, 1)
    metrics = {"anomaly_share": float((predicted < 0).mean())}
    if len(problem.y):
        values, counts = np.unique(problem.y, return_counts=True)
        if len(values) == 2:
            metrics["roc_auc"] = float(roc_auc_score(problem.y == values[counts.argmin()], -scores))
    order = np.argsort(scores, kind="stable")[:SHOWN]
    strangest = [{"row": int(problem.rows[i]), "score": float(scores[i])} for i in order]
    return metrics, {"strangest": strangest, "samples": _samples(problem, predicted)}


def _judge_reduction(
    problem: Problem, model: Any, X: Any, seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    ratios = model.explained_variance_ratio_
    metrics = {
        "components": float(model.n_components_),
        "explained_variance": float(ratios.sum()),
        "explained_variance_first": float(ratios[0]),
    }
    first = model.predict(X[:SHOWN])
    return metrics, {
        "explained_variance_ratio": [float(ratio) for ratio in ratios[:MOST_GROUPS_SHOWN]],
        "samples": [
            {"row": int(row), "predicted": values[:10].tolist()}
            for row, values in zip(problem.rows[:SHOWN], first, strict=True)
        ],
    }


def _samples(problem: Problem, predicted: Array) -> list[dict[str, Any]]:
    truths = [{"truth": one.item()} for one in problem.y[:SHOWN]] or [{}] * SHOWN
    return [
        {"row": int(row), "predicted": guess.item(), **truth}
        for row, guess, truth in zip(problem.rows[:SHOWN], predicted[:SHOWN], truths, strict=False)
    ]


_JUDGES = {CLUSTERING: _judge_clusters, ANOMALIES: _judge_anomalies, REDUCTION: _judge_reduction}
