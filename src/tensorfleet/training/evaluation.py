"""What a model is worth on rows that it has not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tensorfleet.training import curves
from tensorfleet.training.algorithm import CLASSIFICATION

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.data import Problem

    Array = np.ndarray[Any, Any]

SHOWN = 20
DETAILS = "details"
"""The part of an evaluation that is too long for lists of jobs: curves, residuals, importance."""
MOST_CLASSES_SHOWN = 100


def evaluate(
    problem: Problem, classes: Array | None, predicted: Array, probabilities: Array | None
) -> tuple[dict[str, float], dict[str, Any]]:
    """Final metrics, and the evaluation that is shown, of the held-out rows.

    Args:
        classes: the model's classes, in the order of the columns of `probabilities` [rows, classes].
        predicted: [rows], labels or numbers.
    """
    truth = problem.y[problem.held_out]
    evaluation: dict[str, Any] = {"task": problem.task, "target": problem.target, "held_out_rows": len(truth)}
    if problem.split:
        evaluation["split"] = problem.split
    details: dict[str, Any] = {}
    if problem.task == CLASSIFICATION:
        assert classes is not None
        metrics, shown = _classification(truth, predicted, classes, probabilities)
        evaluation |= shown
        if probabilities is not None and len(classes) <= MOST_CLASSES_SHOWN:
            more, details = curves.of_classes(truth, classes, probabilities)
            metrics |= more
    else:
        metrics = _regression(truth, predicted)
        more, details = curves.of_numbers(truth, predicted)
        metrics |= more
    if details:
        evaluation[DETAILS] = details
    evaluation["samples"] = [
        {"row": int(problem.rows[position]), "predicted": guess.item(), "truth": right.item()}
        for position, guess, right in zip(
            problem.held_out[:SHOWN], predicted[:SHOWN], truth[:SHOWN], strict=True
        )
    ]
    return metrics, evaluation


def metrics_of(problem: Problem, model: Any) -> dict[str, float]:
    """What `evaluate` measures, of a fitted pipeline on the held-out rows."""
    return evaluate(problem, *predictions(problem, model))[0]


def on_validation(problem: Problem, model: Any) -> dict[str, Any]:
    """What an evaluation says of the validation rows, where there are any."""
    if problem.validation is None or not len(problem.validation):
        return {}
    return {"validation": metrics_of(replace(problem, held_out=problem.validation), model)}


def predictions(problem: Problem, model: Any) -> tuple[Array | None, Array, Array | None]:
    """What `evaluate` needs of a fitted pipeline: its classes, its predictions and probabilities of the held-out rows."""
    held_out = problem.features[problem.held_out]
    if problem.task != CLASSIFICATION:
        return None, model.predict(held_out), None
    if not hasattr(model, "predict_proba"):
        return model.classes_, model.predict(held_out), None
    probabilities = model.predict_proba(held_out)
    # What predict does in every one of these classifiers, without computing the probabilities twice.
    return model.classes_, model.classes_[probabilities.argmax(axis=1)], probabilities


def _classification(
    truth: Array, predicted: Array, classes: Array, probabilities: Array | None
) -> tuple[dict[str, float], dict[str, Any]]:
    import numpy as np

    # Held-out rows may hold a class that no training row has, when the split could not be stratified.
    labels = np.union1d(classes, truth)
    unseen = np.setdiff1d(truth, classes)
    if len(unseen):
        shown = ", ".join(map(str, unseen[:5])) + (", ..." if len(unseen) > 5 else "")
        print(
            f"no training row has the target {shown}, which held-out rows have: it is never predicted",
            flush=True,
        )
    t, p = np.searchsorted(labels, truth), np.searchsorted(labels, predicted)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (t, p), 1)
    hits, support, guesses = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = hits / np.maximum(guesses, 1), hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + guesses, 1)
    metrics = {
        "accuracy": float(hits.sum() / len(truth)),
        "balanced_accuracy": float(recall[support > 0].mean()),
        "f1_macro": float(f1[(support + guesses) > 0].mean()),
    }
    if probabilities is not None and len(labels) == len(classes):
        chances = probabilities[np.arange(len(t)), t].astype(float)
        metrics["log_loss"] = float(-np.log(np.clip(chances, np.finfo(probabilities.dtype).eps, 1.0)).mean())
    if len(labels) > MOST_CLASSES_SHOWN:
        return metrics, {"classes": len(labels)}
    per_class = [
        {"class": label.item(), "precision": float(a), "recall": float(b), "f1": float(c), "support": int(n)}
        for label, a, b, c, n in zip(labels, precision, recall, f1, support, strict=True)
    ]
    return metrics, {"labels": labels.tolist(), "confusion": confusion.tolist(), "per_class": per_class}


def _regression(truth: Array, predicted: Array) -> dict[str, float]:
    import numpy as np

    errors = truth - predicted
    spread = float(((truth - truth.mean()) ** 2).sum())
    metrics = {"mae": float(np.abs(errors).mean()), "rmse": float(np.sqrt((errors**2).mean()))}
    return ({"r2": 1 - float((errors**2).sum()) / spread} if spread else {}) | metrics
