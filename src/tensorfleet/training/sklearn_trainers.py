"""The built-in algorithms of scikit-learn: prepare the columns, fit, evaluate, keep the model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput
from tensorfleet.training import artifacts, incremental, preprocessing
from tensorfleet.training.algorithm import CLASSIFICATION, Params, SklearnAlgorithm
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.evaluation import evaluate

if TYPE_CHECKING:
    import polars as pl

    from tensorfleet.training.context import TaskContext
    from tensorfleet.training.session import Session


def train(session: Session, algorithm: SklearnAlgorithm, params: Params) -> dict[str, Any]:
    """Trains on this process alone and returns the task's outcome."""
    from sklearn import config_context

    problem = load_problem(session, algorithm)
    training = problem.features[problem.train]
    pipeline = build_pipeline(problem, training, algorithm, params, session.context)
    print(
        f"{algorithm.name}: {problem.task} of '{problem.target}'"
        f" on {len(problem.train)} rows, {problem.features.width} columns",
        flush=True,
    )
    session.progress(0.1)
    started = time.perf_counter()
    try:
        with config_context(skip_parameter_validation=True):  # `params` has checked them
            steps = _fit(session, problem, training, algorithm, params, pipeline)
    except ValueError as error:
        raise DataInvalid(
            f"{algorithm.name} cannot be trained on this data: {str(error).splitlines()[0]}"
        ) from error
    print(f"trained in {time.perf_counter() - started:.3f} s", flush=True)
    session.progress(0.8)
    metrics, evaluation = _evaluate(problem, pipeline)
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    session.report(step=steps, **metrics)
    model = artifacts.publish_sklearn(session, problem, pipeline)
    session.progress(1.0)
    return {"metrics": metrics, "evaluation": evaluation, "model": model}


def _fit(
    session: Session,
    problem: Problem,
    training: pl.DataFrame,
    algorithm: SklearnAlgorithm,
    params: Params,
    pipeline: Any,
) -> int:
    """Fits the pipeline, step by step where that is worth while; returns the step that it ends with."""
    y = problem.y[problem.train]
    cells = float(training.height * training.width * getattr(params, "n_estimators", 0))
    descends, grown = algorithm.name == "sgd", algorithm.grown
    if not descends and not (grown and incremental.in_pieces(session, cells)):
        pipeline.fit(training, y)
        return 1
    X = pipeline[0].fit_transform(training, y) if len(pipeline) > 1 else training
    if grown is None:
        growth, steps = _descent(session, problem, params, pipeline, X), params.model_dump()["epochs"]
    else:
        growth, steps = incremental.by_warm_start(grown, pipeline[-1], X, y), 1
    pipeline.steps[-1] = ("model", incremental.run(session, growth))
    return int(steps)


def _descent(session: Session, problem: Problem, params: Params, pipeline: Any, X: Any) -> incremental.Growth:
    import numpy as np

    y, held_out = problem.y[problem.train], pipeline[0].transform(problem.features[problem.held_out])
    truth = problem.y[problem.held_out]
    classify = problem.task == CLASSIFICATION

    def report(model: Any, epoch: int) -> None:
        predicted = model.predict(held_out)
        if classify:
            session.report(step=epoch, accuracy=float((predicted == truth).mean()))
        else:
            session.report(step=epoch, rmse=float(np.sqrt(((predicted - truth) ** 2).mean())))

    classes = np.unique(y) if classify else None
    epochs = params.model_dump()["epochs"]
    return incremental.descent(pipeline[-1], X, y, classes, epochs, session.context.seed, report)


def build_pipeline(
    problem: Problem,
    training: pl.DataFrame,
    algorithm: SklearnAlgorithm,
    params: Params,
    context: TaskContext,
) -> Any:
    """The unfitted pipeline: the preparation that these columns need, if any, and the estimator."""
    from sklearn.pipeline import Pipeline

    kinds = preprocessing.column_kinds(training)
    if not kinds:
        raise DataInvalid(f"no column is left to predict '{problem.target}' from")
    prepare = preprocessing.build(
        training,
        kinds,
        scale=algorithm.scaled,
        dense=algorithm.dense,
        nan=algorithm.nan,
    )
    model = algorithm.estimator(problem.task, params.model_dump(), context.seed, max(1, int(context.cpus)))
    if algorithm.name == "knn" and model.n_neighbors > len(problem.train):
        raise InvalidInput(
            f"hyperparameters.n_neighbors is {model.n_neighbors},"
            f" but there are {len(problem.train)} training rows"
        )
    return Pipeline([("prepare", prepare), ("model", model)] if prepare is not None else [("model", model)])


def _evaluate(problem: Problem, pipeline: Any) -> tuple[dict[str, float], dict[str, Any]]:
    held_out = problem.features[problem.held_out]
    if problem.task != CLASSIFICATION:
        return evaluate(problem, None, pipeline.predict(held_out), None)
    if not hasattr(pipeline, "predict_proba"):
        return evaluate(problem, pipeline.classes_, pipeline.predict(held_out), None)
    probabilities = pipeline.predict_proba(held_out)
    # What predict does in every one of these classifiers, without computing the probabilities twice.
    predicted = pipeline.classes_[probabilities.argmax(axis=1)]
    return evaluate(problem, pipeline.classes_, predicted, probabilities)
