"""Algorithms that learn without a target: clusters, anomalies, fewer columns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tensorfleet.training.algorithm import ANOMALIES, CLUSTERING, REDUCTION, Params, SklearnAlgorithm

TRAINER = "tensorfleet.training.unsupervised:train"
_Share = Annotated[float, Field(gt=0, lt=1)]


class KMeansParams(Params):
    n_clusters: int = Field(default=8, ge=1, le=10_000)
    init: Literal["k-means++", "random"] = "k-means++"
    n_init: Literal["auto"] | Annotated[int, Field(ge=1, le=1000)] = Field(
        default="auto", description="how often it begins anew; the best run counts"
    )
    max_iter: int = Field(default=300, ge=1)
    tol: float = Field(default=1e-4, ge=0)


class DbscanParams(Params):
    eps: float = Field(
        default=0.5, gt=0, description="how far neighbours are apart at most, in scaled columns"
    )
    min_samples: int = Field(
        default=5, ge=1, description="rows within eps that make a row a core of a cluster"
    )


class PcaParams(Params):
    n_components: Annotated[int, Field(ge=1)] | _Share | None = Field(
        default=None, description="how many; or the share of the variance to keep; all when left out"
    )
    whiten: bool = False


class IsolationForestParams(Params):
    n_estimators: int = Field(default=100, ge=1, le=100_000)
    max_samples: Literal["auto"] | Annotated[int, Field(ge=1)] | _Share = Field(
        default="auto", description="rows of each tree: a number, a share, or at most 256"
    )
    contamination: Literal["auto"] | Annotated[float, Field(gt=0, le=0.5)] = Field(
        default="auto", description="the share of rows that are anomalies"
    )
    max_features: Annotated[float, Field(gt=0, le=1)] = 1.0


def _kmeans(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(**params, random_state=seed)


def _dbscan(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from tensorfleet.training.estimators import DensityClusters

    return DensityClusters(**params)


def _pca(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from tensorfleet.training.estimators import Components

    return Components(**params, random_state=seed)


def _isolation_forest(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(**params, random_state=seed, n_jobs=cpus if cpus > 1 else None)


UNSUPERVISED = (
    SklearnAlgorithm(
        name="kmeans",
        summary="Clusters around centres; each row belongs to the nearest",
        tasks=(CLUSTERING,),
        params=KMeansParams,
        estimator=_kmeans,
        trainer=TRAINER,
        scaled=True,
        dense=True,
    ),
    SklearnAlgorithm(
        name="dbscan",
        summary="Clusters of any shape where rows lie close; the rest is noise",
        tasks=(CLUSTERING,),
        params=DbscanParams,
        estimator=_dbscan,
        trainer=TRAINER,
        scaled=True,
        dense=True,
    ),
    SklearnAlgorithm(
        name="pca",
        summary="Fewer columns that hold most of the variance",
        tasks=(REDUCTION,),
        params=PcaParams,
        estimator=_pca,
        trainer=TRAINER,
        scaled=True,
        dense=True,
    ),
    SklearnAlgorithm(
        name="isolation_forest",
        summary="Rows that few random cuts set apart are anomalies",
        tasks=(ANOMALIES,),
        params=IsolationForestParams,
        estimator=_isolation_forest,
        trainer=TRAINER,
        dense=True,
    ),
)
