"""Models that compare rows with rows: support vectors and nearest neighbours."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tensorfleet.training.algorithm import BOTH, CLASSIFICATION, Params, SklearnAlgorithm


class SvmParams(Params):
    C: float = Field(default=1.0, gt=0)
    kernel: Literal["rbf", "linear", "poly", "sigmoid"] = "rbf"
    degree: int = Field(default=3, ge=1, le=20)
    gamma: Literal["scale", "auto"] | Annotated[float, Field(gt=0)] = "scale"


class KnnParams(Params):
    n_neighbors: int = Field(default=5, ge=1)
    weights: Literal["uniform", "distance"] = "uniform"
    p: float = Field(default=2, ge=1)


def _svm(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.svm import SVC, SVR

    return SVC(**params, random_state=seed) if task == CLASSIFICATION else SVR(**params)


def _knn(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    # brute: a k-d tree or a ball tree could not be loaded again from a file that is not trusted.
    kind = KNeighborsClassifier if task == CLASSIFICATION else KNeighborsRegressor
    return kind(**params, algorithm="brute")


NEIGHBOURS = (
    SklearnAlgorithm(
        name="svm",
        summary="Support vector machine",
        tasks=BOTH,
        params=SvmParams,
        estimator=_svm,
        scaled=True,
        dense=True,
    ),
    SklearnAlgorithm(
        name="knn",
        summary="What the nearest training rows say",
        tasks=BOTH,
        params=KnnParams,
        estimator=_knn,
        scaled=True,
        dense=True,
    ),
)
