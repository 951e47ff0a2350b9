"""What `auto` chooses from: families of models, what each is tried with first, and within which ranges it is searched.

The first tries are defaults that do well on many tables, the cheap ones first.  Ranges follow what the AutoML systems search,
narrowed to what ends within seconds on small tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from tensorfleet.training.algorithm import (
    BOTH,
    CLASSIFICATION,
    REGRESSION,
    Algorithm,
    Params,
    SklearnAlgorithm,
)
from tensorfleet.training.algorithms.boosted import BOOSTED
from tensorfleet.training.algorithms.linear import LINEAR
from tensorfleet.training.algorithms.naive_bayes import NAIVE_BAYES
from tensorfleet.training.algorithms.neighbours import NEIGHBOURS
from tensorfleet.training.algorithms.trees import TREES
from tensorfleet.tuning.space import Choice, FloatRange, IntRange, Range

MOST_COMPARED = 1e11
"""Rows x rows x columns from where on nearest neighbours are not looked for."""

_BY_NAME: dict[str, Algorithm] = {
    one.name: one for one in (*LINEAR, *NAIVE_BAYES, *NEIGHBOURS, *TREES, *BOOSTED)
}


class PerceptronParams(Params):
    hidden: list[int] = Field(default=[128])
    alpha: float = Field(default=1e-4, ge=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    epochs: int = Field(default=100, ge=1)


def _perceptron(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    given = {"hidden_layer_sizes": tuple(params["hidden"]), "alpha": params["alpha"], "random_state": seed}
    given |= {"learning_rate_init": params["learning_rate"], "max_iter": params["epochs"]}
    if task == CLASSIFICATION:
        return MLPClassifier(**given)
    return TransformedTargetRegressor(MLPRegressor(**given), transformer=StandardScaler())


_PERCEPTRON = SklearnAlgorithm(
    name="mlp",
    summary="Small multi-layer perceptron of scikit-learn",
    tasks=BOTH,
    params=PerceptronParams,
    estimator=_perceptron,
    scaled=True,
    dense=True,
)


@dataclass(frozen=True)
class Family:
    """One family of models.

    Attributes:
        algorithms: by task.
        first: hyperparameters that are tried before any are searched for, the most promising ones first.
        space: what is varied.
    """

    algorithms: Mapping[str, Algorithm]
    first: tuple[dict[str, Any], ...]
    space: Mapping[str, Range]


def _family(name: str, first: tuple[dict[str, Any], ...], space: dict[str, Range]) -> Family:
    algorithm = _BY_NAME[name]
    return Family(dict.fromkeys(algorithm.tasks, algorithm), first, space)


_FOREST: dict[str, Range] = {
    "n_estimators": IntRange(50, 400, log=True),
    "max_features": FloatRange(0.1, 1.0),
    "min_samples_leaf": IntRange(1, 20, log=True),
}
_CLASSES: dict[str, Family] = {
    "linear": _family(
        "logistic_regression", ({"C": 1.0}, {"C": 0.05}), {"C": FloatRange(1e-4, 1e3, log=True)}
    ),
}
_NUMBERS: dict[str, Family] = {
    "linear": _family(
        "elastic_net",
        ({"alpha": 0.01, "l1_ratio": 0.5}, {"alpha": 1.0, "l1_ratio": 0.95}),
        {"alpha": FloatRange(1e-4, 1e2, log=True), "l1_ratio": FloatRange(0.0, 1.0)},
    ),
}
_EITHER: dict[str, Family] = {
    "naive_bayes": _family("naive_bayes", ({},), {"var_smoothing": FloatRange(1e-11, 1.0, log=True)}),
    "knn": _family(
        "knn",
        ({"n_neighbors": 5, "weights": "distance"}, {"n_neighbors": 20, "weights": "distance"}),
        {
            "n_neighbors": IntRange(1, 50, log=True),
            "weights": Choice(("uniform", "distance")),
            "p": Choice((1.0, 2.0)),
        },
    ),
    "lightgbm": _family(
        "lightgbm",
        (
            {"n_estimators": 100, "learning_rate": 0.1},
            {
                "n_estimators": 200,
                "learning_rate": 0.05,
                "num_leaves": 8,
                "subsample": 0.8,
                "colsample_bytree": 0.7,
            },
        ),
        {
            "n_estimators": IntRange(40, 400, log=True),
            "learning_rate": FloatRange(0.01, 0.3, log=True),
            "num_leaves": IntRange(4, 128, log=True),
            "min_child_samples": IntRange(2, 60, log=True),
            "subsample": FloatRange(0.5, 1.0),
            "colsample_bytree": FloatRange(0.3, 1.0),
            "reg_lambda": FloatRange(1e-3, 10.0, log=True),
        },
    ),
    "extra_trees": _family(
        "extra_trees", ({"n_estimators": 200}, {"n_estimators": 200, "max_features": 0.7}), _FOREST
    ),
    "random_forest": _family(
        "random_forest", ({"n_estimators": 200}, {"n_estimators": 200, "max_features": 0.3}), _FOREST
    ),
    "xgboost": _family(
        "xgboost",
        (
            {"n_estimators": 100, "learning_rate": 0.1},
            {
                "n_estimators": 200,
                "learning_rate": 0.05,
                "max_depth": 3,
                "subsample": 0.8,
                "colsample_bytree": 0.7,
            },
        ),
        {
            "n_estimators": IntRange(40, 400, log=True),
            "learning_rate": FloatRange(0.01, 0.3, log=True),
            "max_depth": IntRange(2, 10),
            "min_child_weight": FloatRange(0.5, 20.0, log=True),
            "subsample": FloatRange(0.5, 1.0),
            "colsample_bytree": FloatRange(0.3, 1.0),
            "reg_lambda": FloatRange(1e-3, 10.0, log=True),
        },
    ),
    "mlp": Family(
        dict.fromkeys(BOTH, _PERCEPTRON),
        ({"hidden": [128]}, {"hidden": [64, 64], "alpha": 0.01}),
        {
            "hidden": Choice(([32], [128], [256], [64, 64], [128, 64])),
            "alpha": FloatRange(1e-6, 1.0, log=True),
            "learning_rate": FloatRange(3e-4, 1e-2, log=True),
            "epochs": IntRange(30, 300, log=True),
        },
    ),
    "gradient_boosting": _family(
        "gradient_boosting",
        ({"n_estimators": 100}, {"n_estimators": 150, "learning_rate": 0.05, "max_leaf_nodes": 8}),
        {
            "n_estimators": IntRange(30, 300, log=True),
            "learning_rate": FloatRange(0.02, 0.3, log=True),
            "max_leaf_nodes": IntRange(4, 64, log=True),
            "min_samples_leaf": IntRange(2, 60, log=True),
            "l2_regularization": FloatRange(1e-6, 10.0, log=True),
        },
    ),
}


def families_for(
    task: str, included: Collection[str] | None, excluded: Collection[str], rows: int, columns: int
) -> tuple[dict[str, Family], dict[str, str]]:
    """The families to try, in the order of their first tries, and for each that is left out the reason.

    Args:
        rows, columns: of the training rows.
    """
    own = _CLASSES if task == CLASSIFICATION else _NUMBERS
    kept, left_out = {}, {}
    for name, family in (own | _EITHER).items():
        if name in excluded or (included is not None and name not in included):
            continue
        if task not in family.algorithms:
            left_out[name] = f"it does not predict {'numbers' if task == REGRESSION else 'classes'}"
        elif name == "knn" and float(rows) * rows * columns > MOST_COMPARED:
            left_out[name] = f"comparing {rows} rows with each other takes too long"
        else:
            kept[name] = family
    return kept, left_out


def first_tries(families: Mapping[str, Family]) -> list[tuple[str, dict[str, Any]]]:
    """(family, hyperparameters): the first of each family, then the second ones."""
    rounds = max(len(family.first) for family in families.values())
    return [
        (name, family.first[number])
        for number in range(rounds)
        for name, family in families.items()
        if number < len(family.first)
    ]
