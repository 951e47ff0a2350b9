"""Naive Bayes."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tensorfleet.training.algorithm import CLASSIFICATION, Params, SklearnAlgorithm


class NaiveBayesParams(Params):
    var_smoothing: float = Field(
        default=1e-9, gt=0, description="share of the largest variance that is added to all"
    )


def _naive_bayes(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**params)


NAIVE_BAYES = (
    SklearnAlgorithm(
        name="naive_bayes",
        summary="One normal distribution per class and column",
        tasks=(CLASSIFICATION,),
        params=NaiveBayesParams,
        estimator=_naive_bayes,
        dense=True,
    ),
)
