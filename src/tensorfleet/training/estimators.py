"""Estimators of scikit-learn's that cannot predict, made able to.  Files of models may hold them: what they hold is checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA

from tensorfleet.errors import InvalidInput

NOISE = -1


class DensityClusters(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """DBSCAN (Ester et al., 1996) that also tells the cluster of new rows: that of the nearest core within eps, else -1.

    Attributes:
        labels_: int [rows], as DBSCAN gives them to the rows that it learned from; -1 is noise.
        cores_: float64 [cores, columns].
        core_labels_: int64 [cores].
    """

    def __init__(self, eps: float = 0.5, min_samples: int = 5) -> None:
        self.eps = eps
        self.min_samples = min_samples

    def fit(self, X: Any, y: Any = None) -> DensityClusters:
        found = DBSCAN(eps=self.eps, min_samples=self.min_samples).fit(X)
        self.n_features_in_ = found.n_features_in_
        self.labels_ = found.labels_
        self.cores_ = np.asarray(found.components_, dtype=np.float64)
        self.core_labels_ = found.labels_[found.core_sample_indices_].astype(np.int64)
        return self

    def predict(self, X: Any) -> Any:
        """int64 [rows]"""
        from sklearn.metrics import pairwise_distances_argmin_min

        X = np.asarray(X, dtype=np.float64)
        if not len(self.cores_) or not len(X):
            return np.full(len(X), NOISE, dtype=np.int64)
        nearest, far = pairwise_distances_argmin_min(X, self.cores_)
        return np.where(far <= self.eps, self.core_labels_[nearest], NOISE)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The state of a file, which may come from anyone."""
        cores, labels = state.get("cores_"), state.get("core_labels_")
        fits = (
            isinstance(cores, np.ndarray)
            and isinstance(labels, np.ndarray)
            and cores.dtype == np.float64
            and labels.dtype == np.int64
            and cores.ndim == 2
            and labels.shape == (len(cores),)
            and isinstance(state.get("eps"), int | float)
        )
        if not fits:
            raise InvalidInput("the model holds clusters whose cores and labels do not fit together")
        super().__setstate__(state)


class Components(PCA):  # type: ignore[misc]
    """PCA whose `predict` gives the components: float64 [rows, components]."""

    def predict(self, X: Any) -> Any:
        return self.transform(X)
