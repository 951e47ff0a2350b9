"""How much each column of the dataset matters to a model: by what the model itself says, else by what shuffling it costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tensorfleet.training.algorithm import CLASSIFICATION

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.data import Problem

    Array = np.ndarray[Any, Any]

MOST_COLUMNS = 20
MOST_ROWS = 2000
LIMIT_S = 1.0


def importance(problem: Problem, pipeline: Any, seed: int, *, permute: bool = False) -> dict[str, Any] | None:
    """`{"by", "columns": [{"column", "importance"}, ...]}`, the most important first; at most 20 columns.

    `by` is `coefficients` (shares of the sum of their sizes, over scaled columns), `impurity` (shares, of trees), or
    `permutation`: by how much accuracy or R2 on held-out rows falls when the column is shuffled (Breiman, "Random Forests",
    2001), for as many columns as a second lasts.  None for a model that does not say, unless its columns shall be permuted.
    """
    if permute:
        return {"by": "permutation", "columns": _sorted(_permuted(problem, pipeline, seed))}
    told = _built_in(pipeline[-1])
    if told is None:
        return None
    by, weights = told
    sums = _of_columns(problem.features.columns, pipeline[0] if len(pipeline) > 1 else None, weights)
    total = sum(sums.values()) or 1.0
    return {"by": by, "columns": _sorted({name: value / total for name, value in sums.items()})}


def _sorted(found: dict[str, float]) -> list[dict[str, Any]]:
    first = sorted(found.items(), key=lambda item: -item[1])[:MOST_COLUMNS]
    return [{"column": name, "importance": round(value, 6)} for name, value in first]


def _built_in(model: Any) -> tuple[str, Array] | None:
    """A weight for each column that the model gets [columns]."""
    import numpy as np

    if hasattr(model, "coef_") and getattr(model, "kernel", "linear") == "linear":
        coefficients = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
        return "coefficients", np.abs(np.atleast_2d(coefficients)).mean(axis=0)
    if hasattr(model, "tree_"):
        return "impurity", model.tree_.compute_feature_importances()
    trees = getattr(model, "estimators_", None)
    if trees is None or not all(hasattr(tree, "tree_") for tree in trees):
        return None
    # What the forest's own attribute gives, without its threads, which take longer than the sum.
    grown = [tree.tree_.compute_feature_importances() for tree in trees if tree.tree_.node_count > 1]
    return "impurity", np.mean(grown, axis=0) if grown else np.zeros(model.n_features_in_)


def _of_columns(names: list[str], prepare: Any, weights: Array) -> dict[str, float]:
    """The sums of the weights over the prepared columns that come from each of the dataset's."""
    if prepare is None or not hasattr(prepare, "transformers_"):
        return dict(zip(names, weights.tolist(), strict=True))
    sums: dict[str, float] = {}
    for label, step, given in prepare.transformers_:
        if label == "remainder":
            continue
        columns = [given] if isinstance(given, str) else list(given)
        part = weights[prepare.output_indices_[label]]
        for position, source in enumerate(_sources(label, step, len(columns), len(part))):
            sums[columns[source]] = sums.get(columns[source], 0.0) + float(part[position])
    return sums


def _sources(label: str, step: Any, columns: int, outputs: int) -> list[int]:
    """Which of the step's columns each of its outputs comes from."""
    if label == "categories":
        encoder = step[-1]
        # `infrequent_categories_` is there only where categories are merged, and None for columns where none is
        rare = getattr(encoder, "infrequent_categories_", [None] * columns)
        kept = [
            len(known) - (len(merged) - 1 if merged is not None else 0)
            for known, merged in zip(encoder.categories_, rare, strict=True)
        ]
        return [column for column, count in enumerate(kept) for _ in range(count)]
    # Numbers give one each; dates give four, one kind after the other; a text column stands alone.
    return [position % columns for position in range(outputs)]


def _permuted(problem: Problem, pipeline: Any, seed: int) -> dict[str, float]:
    import numpy as np

    rows = problem.held_out[:MOST_ROWS]
    frame, truth = problem.features[rows], problem.y[rows]

    def score(some: Any) -> float:
        guess = pipeline.predict(some)
        if problem.task == CLASSIFICATION:
            return float((guess == truth).mean())
        return 1 - float(((truth - guess) ** 2).sum()) / (float(((truth - truth.mean()) ** 2).sum()) or 1.0)

    deadline = time.perf_counter() + LIMIT_S
    whole = score(frame)
    found: dict[str, float] = {}
    for number, name in enumerate(frame.columns):
        if time.perf_counter() > deadline:
            break
        order = np.random.default_rng([seed, number]).permutation(len(rows))
        found[name] = whole - score(frame.with_columns(frame[name][order]))
    return found
