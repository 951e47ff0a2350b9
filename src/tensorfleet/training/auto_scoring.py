"""How good predictions are, and which of them together are best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from tensorfleet.errors import InvalidInput
from tensorfleet.jobs.leaderboard import LOWER_IS_BETTER
from tensorfleet.training.algorithm import CLASSIFICATION
from tensorfleet.training.algorithms.auto import ClassMetric, NumberMetric

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def metric_for(task: str, asked: str | None) -> str:
    """The metric that is searched for.

    Raises:
        InvalidInput: it is not one of this task.
    """
    known = get_args(ClassMetric if task == CLASSIFICATION else NumberMetric)
    if asked is not None and asked not in known:
        what = "classes" if task == CLASSIFICATION else "numbers"
        raise InvalidInput(
            f"hyperparameters.metric is {asked}, but the target holds {what}; write one of: {', '.join(known)}"
        )
    return str(asked or known[0])


def measure(metric: str, truth: Array, predicted: Array) -> float:
    """The metric as people know it.

    Args:
        truth: [rows], the numbers of classes, or the target itself.
        predicted: probabilities [rows, classes], or numbers [rows].
    """
    return float(_METRICS[metric](truth, predicted)) + 0.0  # never -0


def gain(metric: str, value: float) -> float:
    """The value so that more is better."""
    return -value if metric in LOWER_IS_BETTER else value


def select(metric: str, truth: Array, pool: Mapping[int, Array], size: int) -> tuple[dict[int, float], float]:
    """Weights of the members of an ensemble, and the metric of their average.

    Greedy selection with replacement (Caruana et al., "Ensemble selection from libraries of models", 2004): in each step the
    member is added that makes the average best, of `size` steps those up to the best one are kept.

    Args:
        pool: predictions by number; of equally good ones the first is taken.
    """
    import numpy as np

    total = np.zeros_like(next(iter(pool.values())), dtype=np.float64)
    chosen: list[int] = []
    values: list[float] = []
    for step in range(1, size + 1):
        found = {number: measure(metric, truth, (total + one) / step) for number, one in pool.items()}
        best = max(found, key=lambda number: gain(metric, found[number]))
        total += pool[best]
        chosen.append(best)
        values.append(found[best])
    last = max(range(size), key=lambda step: (gain(metric, values[step]), -step))
    kept = chosen[: last + 1]
    return {number: kept.count(number) / len(kept) for number in sorted(set(kept))}, values[last]


def _log_loss(truth: Array, chances: Array) -> Any:
    import numpy as np

    said = chances[np.arange(len(truth)), truth]
    return -np.log(np.clip(said, np.finfo(np.float32).eps, 1.0)).mean()


def _accuracy(truth: Array, chances: Array) -> Any:
    return (chances.argmax(axis=1) == truth).mean()


def _balanced_accuracy(truth: Array, chances: Array) -> Any:
    import numpy as np

    hits = chances.argmax(axis=1) == truth
    support = np.bincount(truth)
    return (np.bincount(truth, weights=hits)[support > 0] / support[support > 0]).mean()


def _f1_macro(truth: Array, chances: Array) -> Any:
    import numpy as np

    classes = chances.shape[1]
    guesses = chances.argmax(axis=1)
    hits = np.bincount(truth[guesses == truth], minlength=classes)
    named = np.bincount(truth, minlength=classes) + np.bincount(guesses, minlength=classes)
    return (2 * hits[named > 0] / named[named > 0]).mean()


def _roc_auc(truth: Array, chances: Array) -> Any:
    """The mean over the classes, each against the rest, by ranks (Mann and Whitney, 1947)."""
    import numpy as np
    from scipy.stats import rankdata

    areas = []
    for column in [1] if chances.shape[1] == 2 else range(chances.shape[1]):
        positive = truth == column
        hits, misses = int(positive.sum()), int((~positive).sum())
        if hits and misses:
            ranks = rankdata(chances[:, column])[positive].sum()
            areas.append((ranks - hits * (hits + 1) / 2) / (hits * misses))
    return np.mean(areas) if areas else 0.5


def _rmse(truth: Array, predicted: Array) -> Any:
    return ((truth - predicted) ** 2).mean() ** 0.5


def _mae(truth: Array, predicted: Array) -> Any:
    return abs(truth - predicted).mean()


def _r2(truth: Array, predicted: Array) -> Any:
    spread = ((truth - truth.mean()) ** 2).sum()
    return 1 - ((truth - predicted) ** 2).sum() / spread if spread else 0.0


_METRICS: dict[str, Callable[[Array, Array], Any]] = {
    "log_loss": _log_loss,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "roc_auc": _roc_auc,
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
}
