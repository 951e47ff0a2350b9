"""The built-in algorithms of scikit-learn: prepare the columns, fit, evaluate, keep the model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput
from tensorfleet.training import artifacts, incremental, preprocessing
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.evaluation import evaluate
from tensorfleet.training.registry import CLASSIFICATION, Algorithm, Params

if TYPE_CHECKING:
    import polars as pl

    from tensorfleet.training.context import TaskContext
    from tensorfleet.training.session import Session

SCALED = {"logistic_regression", "linear_regression", "svm", "knn", "sgd"}
DENSE = {"gradient_boosting", "svm", "knn"}
"""SVM and k-NN could take sparse columns, but keep them, in a form that is not safe to load."""
TAKES_NAN = {"gradient_boosting"}


def train(session: Session, algorithm: Algorithm, params: Params) -> dict[str, Any]:
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
    algorithm: Algorithm,
    params: Params,
    pipeline: Any,
) -> int:
    """Fits the pipeline, step by step where that is worth while; returns the step that it ends with."""
    y = problem.y[problem.train]
    cells = float(training.height * training.width * getattr(params, "n_estimators", 0))
    if algorithm.name != "sgd" and not incremental.in_pieces(session, algorithm.name, cells):
        pipeline.fit(training, y)
        return 1
    X = pipeline[0].fit_transform(training, y) if len(pipeline) > 1 else training
    if algorithm.name == "sgd":
        growth, steps = _descent(session, problem, params, pipeline, X), params.model_dump()["epochs"]
    else:
        growth, steps = incremental.forest_or_boosting(algorithm.name, pipeline[-1], X, y), 1
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
    problem: Problem, training: pl.DataFrame, algorithm: Algorithm, params: Params, context: TaskContext
) -> Any:
    """The unfitted pipeline: the preparation that these columns need, if any, and the estimator."""
    from sklearn.pipeline import Pipeline

    kinds = preprocessing.column_kinds(training)
    if not kinds:
        raise DataInvalid(f"no column is left to predict '{problem.target}' from")
    prepare = preprocessing.build(
        training,
        kinds,
        scale=algorithm.name in SCALED,
        dense=algorithm.name in DENSE,
        nan=algorithm.name in TAKES_NAN,
    )
    model = estimator(
        algorithm.name, problem.task, params.model_dump(), context.seed, max(1, int(context.cpus))
    )
    if algorithm.name == "knn" and model.n_neighbors > len(problem.train):
        raise InvalidInput(
            f"hyperparameters.n_neighbors is {model.n_neighbors},"
            f" but there are {len(problem.train)} training rows"
        )
    return Pipeline([("prepare", prepare), ("model", model)] if prepare is not None else [("model", model)])


def estimator(name: str, task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    """The scikit-learn estimator for an algorithm; its other arguments have scikit-learn's defaults."""
    from sklearn import ensemble, linear_model, neighbors, svm

    classify = task == CLASSIFICATION
    if name == "logistic_regression":
        return linear_model.LogisticRegression(**params, random_state=seed)
    if name == "linear_regression":
        alpha = params.pop("alpha")
        return linear_model.Ridge(alpha=alpha, **params) if alpha else linear_model.LinearRegression(**params)
    if name == "random_forest":
        if params["max_features"] is None:
            del params["max_features"]
        forest = ensemble.RandomForestClassifier if classify else ensemble.RandomForestRegressor
        return forest(**params, random_state=seed, n_jobs=cpus if cpus > 1 else None)
    if name == "gradient_boosting":
        params["max_iter"] = params.pop("n_estimators")
        boosting = (
            ensemble.HistGradientBoostingClassifier if classify else ensemble.HistGradientBoostingRegressor
        )
        return boosting(**params, early_stopping=False, random_state=seed)
    if name == "sgd":
        return _sgd(params, classify, seed)
    if name == "svm":
        return svm.SVC(**params, random_state=seed) if classify else svm.SVR(**params)
    # brute: a k-d tree or a ball tree could not be loaded again from a file that is not trusted.
    nearest = neighbors.KNeighborsClassifier if classify else neighbors.KNeighborsRegressor
    return nearest(**params, algorithm="brute")


def _sgd(params: dict[str, Any], classify: bool, seed: int) -> Any:
    from sklearn import linear_model

    del params["epochs"]
    losses = (
        ("log_loss", "hinge", "modified_huber")
        if classify
        else ("squared_error", "huber", "epsilon_insensitive")
    )
    loss = params.pop("loss") or losses[0]
    if loss not in losses:
        raise InvalidInput(
            f"hyperparameters.loss is {loss}; for {'classes' if classify else 'numbers'} it is one of: {', '.join(losses)}"
        )
    if params["learning_rate"] is None:
        del params["learning_rate"]
    kind = linear_model.SGDClassifier if classify else linear_model.SGDRegressor
    # The rows come in an order of our own.
    return kind(loss=loss, **params, shuffle=False, random_state=seed)


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
