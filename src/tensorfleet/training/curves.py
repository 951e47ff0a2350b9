"""Curves of an evaluation, as data: ROC, precision and recall, calibration, residuals; of each few enough points to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_POINTS = 200
MOST_CLASSES = 10
MOST_RESIDUALS = 500
BINS = 10
HISTOGRAM_BINS = 20
DIGITS = 5


def of_classes(truth: Array, classes: Array, probabilities: Array) -> tuple[dict[str, float], dict[str, Any]]:
    """Metrics and curves, each class against the rest; of two classes the second one only.

    Args:
        truth: [rows], labels.
        probabilities: [rows, classes].

    Returns:
        `roc_auc`, the mean over the classes, where rows of a class and of others are there; and the curves of the ten
        classes with the most rows.
    """
    import numpy as np

    columns = [1] if len(classes) == 2 else range(len(classes))
    support = {column: int((truth == classes[column]).sum()) for column in columns}
    usable = [column for column in columns if 0 < support[column] < len(truth)]
    shown = sorted(sorted(usable, key=lambda column: -support[column])[:MOST_CLASSES])
    areas, curves = [], []
    for column in usable:
        hits, misses, thresholds = _counts(truth == classes[column], probabilities[:, column])
        rise, fall = hits / hits[-1], misses / misses[-1]
        area = float(np.trapezoid(np.r_[0.0, rise], np.r_[0.0, fall]))
        areas.append(area)
        if column in shown:
            curves.append(
                {"class": classes[column].item(), "auc": area, **_drawn(hits, misses, rise, fall, thresholds)}
            )
    metrics = {"roc_auc": float(np.mean(areas))} if areas else {}
    return metrics, {"curves": curves, "calibration": calibration(truth, classes, probabilities)}


def _counts(positive: Array, scores: Array) -> tuple[Array, Array, Array]:
    """Right and wrong alarms [thresholds] at each threshold, the highest first."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]
    hits = np.cumsum(positive[order])[ends].astype(np.float64)
    return hits, ends + 1 - hits, ordered[ends]


def _drawn(hits: Array, misses: Array, rise: Array, fall: Array, thresholds: Array) -> dict[str, Any]:
    import numpy as np

    precision = hits / (hits + misses)
    at = np.unique(np.linspace(0, len(hits) - 1, min(len(hits), MOST_POINTS - 1)).round().astype(int))
    return {
        "average_precision": float((np.diff(np.r_[0.0, rise]) * precision).sum()),
        "roc": {
            "false_positive_rate": _short(np.r_[0.0, fall[at]]),
            "true_positive_rate": _short(np.r_[0.0, rise[at]]),
        },
        "pr": {"recall": _short(rise[at]), "precision": _short(precision[at])},
        "thresholds": _short(thresholds[at]),
    }


def calibration(truth: Array, classes: Array, probabilities: Array) -> dict[str, Any]:
    """How often rows turn out as said, by how surely it was said: of the second of two classes, else of the likeliest class.

    `error` is the expected calibration error (Guo et al., "On Calibration of Modern Neural Networks", 2017).
    """
    import numpy as np

    two = len(classes) == 2
    column = np.ones(len(truth), dtype=int) if two else probabilities.argmax(axis=1)
    said = probabilities[np.arange(len(truth)), column].astype(np.float64)
    right = classes[column] == truth
    places = np.minimum((said * BINS).astype(int), BINS - 1)
    rows = np.bincount(places, minlength=BINS)
    some = rows > 0
    predicted = np.bincount(places, said, BINS)[some] / rows[some]
    observed = np.bincount(places, right, BINS)[some] / rows[some]
    bins = [
        {"from": place / BINS, "to": (place + 1) / BINS, "rows": int(n), "predicted": float(p), "observed": float(o)}
        for place, n, p, o in zip(np.flatnonzero(some).tolist(), rows[some], predicted, observed, strict=True)
    ]  # fmt: skip
    error = float((rows[some] * np.abs(predicted - observed)).sum() / len(truth))
    return {"of": classes[1].item() if two else "the likeliest class", "bins": bins, "error": error}


def of_numbers(truth: Array, predicted: Array) -> tuple[dict[str, float], dict[str, Any]]:
    """Metrics, and residuals (truth - predicted): a histogram, and at most 500 rows at even distances."""
    import numpy as np

    residuals = truth - predicted
    metrics = {
        "median_error": float(np.median(np.abs(residuals))),
        "max_error": float(np.abs(residuals).max()),
    }
    if not np.isfinite(residuals).all():
        return metrics, {}
    counts, edges = np.histogram(residuals, bins=HISTOGRAM_BINS)
    at = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), MOST_RESIDUALS)).round().astype(int))
    return metrics, {
        "residuals": {
            "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
            "truth": truth[at].astype(float).tolist(),
            "predicted": predicted[at].astype(float).tolist(),
        }
    }


def _short(values: Array) -> list[float]:
    found: list[float] = values.astype(float).round(DIGITS).tolist()
    return found
