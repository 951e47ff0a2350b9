"""What was measured of a job's model as pictures, from what is recorded already.  No input or output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tensorfleet.errors import InvalidInput, NotFound, nearest
from tensorfleet.kit.svg import COLOURS, GREY, Chart, range_of

MOST_CLASSES = 30
"""Of a confusion matrix: the numbers of more cannot be read."""
MOST_LINES = 6
_MOST_BARS = 20
_LABELS_LEFT = 150

Series = Mapping[str, Sequence[tuple[float, float]]]
"""Points (step, value) of each metric."""


def plot_names(evaluation: Mapping[str, Any], series: Series) -> list[str]:
    """The pictures that there are for a job; none for what is no evaluation, as a task may leave anything as one."""
    try:
        return _names(evaluation, series)
    except (AttributeError, TypeError):
        return []


def _names(evaluation: Mapping[str, Any], series: Series) -> list[str]:
    details = evaluation.get("details") or {}
    there = {
        "confusion": 0 < len(evaluation.get("labels") or ()) <= MOST_CLASSES,
        "roc": bool(details.get("curves")),
        "pr": bool(details.get("curves")),
        "calibration": bool((details.get("calibration") or {}).get("bins")),
        "residuals": bool(details.get("residuals")),
        "residual_histogram": bool(details.get("residuals")),
        "importance": bool((details.get("importance") or {}).get("columns")),
        "learning_curves": any(len(points) > 1 for points in series.values()),
    }
    return [name for name, is_there in there.items() if is_there]


def draw_plot(name: str, evaluation: Mapping[str, Any], series: Series) -> str:
    """One of them as SVG.

    Raises:
        NotFound: there is none of this name.
        InvalidInput: what is recorded cannot be drawn.
    """
    names = plot_names(evaluation, series)
    if name not in names:
        hint = nearest(name[:60], names) if names else "nothing is recorded that could be drawn"
        raise NotFound(f"there is no picture '{name[:60]}' of this job; {hint}")
    try:
        if name == "learning_curves":
            return _learning_curves(series)
        return _DRAWN[name](evaluation, evaluation.get("details") or {})
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        raise InvalidInput(f"what is recorded of '{name}' cannot be drawn: {error!r}") from error


def _confusion(evaluation: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    labels = [str(label) for label in evaluation["labels"]]
    counts = [[int(count) for count in row] for row in evaluation["confusion"]]
    size = len(labels)
    chart = Chart("Confusion", "predicted", "truth", (0, size), (0, size), labels, _thinned(labels), left=110)
    for row, line in enumerate(counts):
        whole = sum(line) or 1
        for column, count in enumerate(line):
            text = str(count) if size <= 12 else ""
            chart.box((column, column + 1), (row, row + 1), COLOURS[0], count / whole, text)
    return chart.svg()


def _thinned(labels: list[str]) -> list[str]:
    """Below an axis long names would lie on each other."""
    return [
        label if len(label) * len(labels) <= 60 else label[: max(1, 60 // len(labels))] for label in labels
    ]


def _roc(evaluation: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    chart = Chart("ROC", "false positive rate", "true positive rate", (0, 1), (0, 1))
    chart.line([(0, 0), (1, 1)], GREY, dashed=True)
    for one, colour in zip(details["curves"], COLOURS, strict=False):
        found = one["roc"]
        chart.line(_pairs(found["false_positive_rate"], found["true_positive_rate"]), colour)
        chart.legend(f"{one['class']}: area {float(one['auc']):.4f}", colour)
    return chart.svg()


def _pr(evaluation: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    chart = Chart("Precision and recall", "recall", "precision", (0, 1), (0, 1))
    for one, colour in zip(details["curves"], COLOURS, strict=False):
        chart.line(_pairs(one["pr"]["recall"], one["pr"]["precision"]), colour)
        chart.legend(f"{one['class']}: average precision {float(one['average_precision']):.4f}", colour)
    return chart.svg()


def _calibration(evaluation: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    found = details["calibration"]
    chart = Chart("Calibration", f"said of {found['of']}", "came true", (0, 1), (0, 1))
    chart.line([(0, 0), (1, 1)], GREY, dashed=True)
    most = max(int(one["rows"]) for one in found["bins"])
    points = [(float(one["predicted"]), float(one["observed"])) for one in found["bins"]]
    chart.line(points, COLOURS[0])
    for one, point in zip(found["bins"], points, strict=True):
        chart.points([point], COLOURS[0], 2 + 6 * int(one["rows"]) / (most or 1))
    chart.legend(f"expected calibration error {float(found['error']):.4f}", COLOURS[0])
    return chart.svg()


def _residuals(evaluation: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    found = details["residuals"]
    pairs = [(p, t - p) for t, p in _pairs(found["truth"], found["predicted"])]
    xs, ys = range_of(p for p, _ in pairs), range_of(r for _, r in pairs)
    chart = Chart("Residuals", "predicted", "truth - predicted", xs, (min(ys[0], 0.0), max(ys[1], 0.0)))
    chart.line([(xs[0], 0), (xs[1], 0)], GREY, dashed=True)
    chart.points(pairs, COLOURS[0])
    return chart.svg()


def _residual_histogram(evaluation: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    found = details["residuals"]["histogram"]
    edges, counts = [float(edge) for edge in found["edges"]], [int(count) for count in found["counts"]]
    chart = Chart("Residuals", "truth - predicted", "rows", range_of(edges), (0, max(counts) or 1))
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        chart.box((low, high), (0, count), COLOURS[0], 0.8)
    return chart.svg()


def _importance(evaluation: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    found = details["importance"]
    columns = found["columns"][:_MOST_BARS]
    values = [float(one["importance"]) for one in columns]
    low, high = range_of([0.0, *values])
    names = [str(one["column"])[:20] for one in columns]
    by = str(found["by"]).replace("_", " ")
    chart = Chart(
        "Columns that matter",
        f"importance by {by}",
        "",
        (low, high),
        (0, len(names)),
        names,
        left=_LABELS_LEFT,
    )
    for row, value in enumerate(values):
        chart.box((0, value), (row + 0.15, row + 0.85), COLOURS[0], 0.8)
    return chart.svg()


def _learning_curves(series: Series) -> str:
    """All metrics in one picture; each is drawn between its own least and largest value, which its legend gives."""
    shown = [(name, points) for name, points in sorted(series.items()) if len(points) > 1][:MOST_LINES]
    steps = range_of(step for _, points in shown for step, _ in points)
    chart = Chart("Learning curves", "step", "share of its own range", steps, (0, 1))
    for (name, points), colour in zip(shown, COLOURS, strict=False):
        low, high = range_of(value for _, value in points)
        spread = (high - low) or 1.0
        chart.line([(step, (value - low) / spread) for step, value in points], colour)
        chart.legend(f"{name[:24]}: {low:.4g} to {high:.4g}", colour)
    return chart.svg()


def _pairs(xs: Sequence[Any], ys: Sequence[Any]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


_DRAWN: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "confusion": _confusion,
    "roc": _roc,
    "pr": _pr,
    "calibration": _calibration,
    "residuals": _residuals,
    "residual_histogram": _residual_histogram,
    "importance": _importance,
}
