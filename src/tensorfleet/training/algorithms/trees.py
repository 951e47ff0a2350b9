"""Trees, and many of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tensorfleet.training.algorithm import BOTH, CLASSIFICATION, Grown, Params, SklearnAlgorithm

_Share = Annotated[float, Field(gt=0, le=1)]


class DecisionTreeParams(Params):
    max_depth: int | None = Field(default=None, ge=1)
    min_samples_split: int = Field(default=2, ge=2)
    min_samples_leaf: int = Field(default=1, ge=1)
    max_features: Literal["sqrt", "log2"] | _Share | None = None
    ccp_alpha: float = Field(default=0.0, ge=0, description="cost of a leaf when the tree is pruned")


class RandomForestParams(Params):
    n_estimators: int = Field(default=100, ge=1, le=100_000)
    max_depth: int | None = Field(default=None, ge=1)
    min_samples_split: int = Field(default=2, ge=2)
    min_samples_leaf: int = Field(default=1, ge=1)
    max_features: Literal["sqrt", "log2"] | _Share | None = Field(
        default=None, description="scikit-learn's own default for the task when left out"
    )


class GradientBoostingParams(Params):
    n_estimators: int = Field(default=100, ge=1, le=100_000, description="boosting rounds")
    learning_rate: float = Field(default=0.1, gt=0)
    max_depth: int | None = Field(default=None, ge=1)
    max_leaf_nodes: int = Field(default=31, ge=2)
    min_samples_leaf: int = Field(default=20, ge=1)
    l2_regularization: float = Field(default=0.0, ge=0)


def _tree(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if task == CLASSIFICATION else DecisionTreeRegressor
    return kind(**params, random_state=seed)


def _random_forest(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if task == CLASSIFICATION else RandomForestRegressor
    return kind(**_many_trees(params, cpus), random_state=seed)


def _extra_trees(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesClassifier if task == CLASSIFICATION else ExtraTreesRegressor
    return kind(**_many_trees(params, cpus), random_state=seed)


def _many_trees(params: dict[str, Any], cpus: int) -> dict[str, Any]:
    if params["max_features"] is None:
        del params["max_features"]
    return params | {"n_jobs": cpus if cpus > 1 else None}


def _gradient_boosting(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    params["max_iter"] = params.pop("n_estimators")
    kind = HistGradientBoostingClassifier if task == CLASSIFICATION else HistGradientBoostingRegressor
    return kind(**params, early_stopping=False, random_state=seed)


TREES = (
    SklearnAlgorithm(
        name="decision_tree",
        summary="One tree, as a person would draw it",
        tasks=BOTH,
        params=DecisionTreeParams,
        estimator=_tree,
    ),
    SklearnAlgorithm(
        name="random_forest",
        summary="Many trees on random rows and columns, averaged",
        tasks=BOTH,
        params=RandomForestParams,
        estimator=_random_forest,
        distributes=True,
        grown=Grown("n_estimators", apart=True),
    ),
    SklearnAlgorithm(
        name="extra_trees",
        summary="Many trees with random cuts, averaged",
        tasks=BOTH,
        params=RandomForestParams,
        estimator=_extra_trees,
        distributes=True,
        grown=Grown("n_estimators", apart=True),
    ),
    SklearnAlgorithm(
        name="gradient_boosting",
        summary="Trees that each correct those before, on binned columns",
        tasks=BOTH,
        params=GradientBoostingParams,
        estimator=_gradient_boosting,
        dense=True,
        nan=True,
        # It reads all rows anew at the beginning of each piece.
        grown=Grown("max_iter", piece_s=4.0),
    ),
)
