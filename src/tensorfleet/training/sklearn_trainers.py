"""The built-in algorithms of scikit-learn: prepare the columns, fit, evaluate, keep the model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput
from tensorfleet.training import artifacts, incremental, preprocessing, spread
from tensorfleet.training.algorithm import CLASSIFICATION, Grown, Params, SklearnAlgorithm
from tensorfleet.training.cross_validation import cross_validate
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.evaluation import DETAILS, evaluate, on_validation, predictions
from tensorfleet.training.importance import importance
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    import polars as pl

    from tensorfleet.training.context import TaskContext
    from tensorfleet.training.meeting import Meeting
    from tensorfleet.training.session import Session


def train(session: Session, algorithm: SklearnAlgorithm, params: Params) -> dict[str, Any]:
    """Trains and returns the task's outcome; on several ranks, which share the trees of a forest, rank 0's is the job's."""
    if session.context.world_size == 1:
        return _train(session, algorithm, params, None)
    from tensorfleet.training.meeting import Meeting

    def idle() -> None:
        session.beat()
        if session.stop.asked:
            raise Stopped(0)

    with Meeting(session, idle=idle) as meeting:
        return _train(session, algorithm, params, meeting)


def _train(
    session: Session, algorithm: SklearnAlgorithm, params: Params, meeting: Meeting | None
) -> dict[str, Any]:
    from sklearn import config_context

    problem = load_problem(session, algorithm)
    session.timeline.mark("prepared")
    training = problem.features[problem.train]
    pipeline = build_pipeline(problem, training, algorithm, params, session.context)
    print(
        f"{algorithm.name}: {problem.task} of '{problem.target}'"
        f" on {len(problem.train)} rows, {problem.features.width} columns",
        flush=True,
    )
    leads = session.context.rank == 0
    if leads:
        session.progress(0.1)
    started = time.perf_counter()
    try:
        with config_context(skip_parameter_validation=True):  # `params` has checked them
            validated = _cross_validate(session, problem, algorithm, params, meeting)
            began = time.perf_counter()
            steps = _fit(session, problem, training, algorithm, params, pipeline, meeting)
            session.timeline.fitted(len(problem.train) * steps, time.perf_counter() - began)
    except ValueError as error:
        raise DataInvalid(
            f"{algorithm.name} cannot be trained on this data: {str(error).splitlines()[0]}"
        ) from error
    print(f"trained in {time.perf_counter() - started:.3f} s", flush=True)
    if not leads:
        return {"metrics": {}, "evaluation": {}, "model": None}
    session.progress(0.8)
    metrics, evaluation = _evaluate(
        problem, pipeline, session.context.spec.get("evaluation") or {}, session.context.seed
    )
    if validated:
        evaluation["cross_validation"] = validated
        metrics |= {f"cv_{name}": found["mean"] for name, found in validated["metrics"].items()}
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    session.report(step=steps, **metrics)
    model = artifacts.publish_sklearn(session, problem, pipeline)
    session.progress(1.0)
    return {"metrics": metrics, "evaluation": evaluation, "model": model}


def _cross_validate(
    session: Session, problem: Problem, algorithm: SklearnAlgorithm, params: Params, meeting: Meeting | None
) -> dict[str, Any] | None:
    """What the job's `evaluation.folds` ask for; None where they ask for nothing, and on other ranks than 0."""
    folds = (session.context.spec.get("evaluation") or {}).get("folds")
    if not folds:
        return None

    def fit(fold: Problem) -> Any:
        training = fold.features[fold.train]
        pipeline = build_pipeline(fold, training, algorithm, params, session.context)
        if algorithm.name == "sgd":
            X = pipeline[0].fit_transform(training) if len(pipeline) > 1 else training
            growth = _descent(session, fold, params, pipeline, X, quiet=True)
            growth.grow(growth.model, 0, growth.total)
        else:
            pipeline.fit(training, fold.y[fold.train])
        return pipeline

    return cross_validate(session, problem, folds, fit, meeting)


def _fit(
    session: Session,
    problem: Problem,
    training: pl.DataFrame,
    algorithm: SklearnAlgorithm,
    params: Params,
    pipeline: Any,
    meeting: Meeting | None,
) -> int:
    """Fits the pipeline, step by step where that is worth while; returns the step that it ends with."""
    y = problem.y[problem.train]
    cells = float(training.height * training.width * getattr(params, "n_estimators", 0))
    descends, grown = algorithm.name == "sgd", algorithm.grown
    if meeting is not None and grown is not None and grown.apart:
        _grow_together(session, meeting, grown, pipeline, training, y, cells)
        return 1
    if session.context.rank:
        return 0  # it had its folds of cross-validation; the model is rank 0's
    if not descends and not (grown and incremental.in_pieces(session, cells)):
        pipeline.fit(training, y)
        return 1
    X = pipeline[0].fit_transform(training, y) if len(pipeline) > 1 else training
    if grown is None:
        growth = _descent(session, problem, params, pipeline, X)
        steps = min(growth.total, session.context.until or growth.total)
    else:
        growth, steps = incremental.by_warm_start(grown, pipeline[-1], X, y), 1
    pipeline.steps[-1] = ("model", incremental.run(session, growth))
    return int(steps)


def _grow_together(
    session: Session,
    meeting: Meeting,
    grown: Grown,
    pipeline: Any,
    training: pl.DataFrame,
    y: Any,
    cells: float,
) -> None:
    """Fits the pipeline on rank 0 with what all ranks grow; those of the others are left unfit for use."""
    in_pieces = incremental.in_pieces(session, cells / meeting.world_size)
    if in_pieces:
        session.listen_for_stop()
    X = pipeline[0].fit_transform(training, y) if len(pipeline) > 1 else training
    model = spread.grow_forest(session, meeting, grown, pipeline[-1], X, y, in_pieces)
    pipeline.steps[-1] = ("model", model)


def _descent(
    session: Session, problem: Problem, params: Params, pipeline: Any, X: Any, *, quiet: bool = False
) -> incremental.Growth:
    import numpy as np

    y, held_out = problem.y[problem.train], pipeline[0].transform(problem.features[problem.held_out])
    truth = problem.y[problem.held_out]
    classify = problem.task == CLASSIFICATION

    def report(model: Any, epoch: int) -> None:
        if quiet:
            return
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
        gaps=problem.features,
    )
    model = algorithm.estimator(problem.task, params.model_dump(), context.seed, max(1, int(context.cpus)))
    if algorithm.name == "knn" and model.n_neighbors > len(problem.train):
        raise InvalidInput(
            f"hyperparameters.n_neighbors is {model.n_neighbors},"
            f" but there are {len(problem.train)} training rows"
        )
    return Pipeline([("prepare", prepare), ("model", model)] if prepare is not None else [("model", model)])


def _evaluate(
    problem: Problem, pipeline: Any, policy: dict[str, Any], seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    metrics, evaluation = evaluate(problem, *predictions(problem, pipeline))
    if found := importance(problem, pipeline, seed, permute=policy.get("importance") == "permutation"):
        evaluation.setdefault(DETAILS, {})["importance"] = found
    evaluation |= on_validation(problem, pipeline)
    return metrics, evaluation
