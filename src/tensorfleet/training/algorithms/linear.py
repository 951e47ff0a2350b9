"""Linear models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tensorfleet.errors import InvalidInput
from tensorfleet.training.algorithm import BOTH, CLASSIFICATION, REGRESSION, Params, SklearnAlgorithm


class LogisticRegressionParams(Params):
    C: float = Field(default=1.0, gt=0)
    max_iter: int = Field(default=1000, ge=1, le=1_000_000)
    tol: float = Field(default=1e-4, gt=0)
    class_weight: Literal["balanced"] | None = None


class LinearRegressionParams(Params):
    alpha: float = Field(default=0.0, ge=0, description="L2 penalty; ridge regression when above 0")
    fit_intercept: bool = True


class RidgeParams(Params):
    alpha: float = Field(default=1.0, ge=0)
    fit_intercept: bool = True
    tol: float = Field(default=1e-4, gt=0)


class LassoParams(Params):
    alpha: float = Field(default=1.0, gt=0)
    fit_intercept: bool = True
    max_iter: int = Field(default=1000, ge=1, le=1_000_000)
    tol: float = Field(default=1e-4, gt=0)


class ElasticNetParams(LassoParams):
    l1_ratio: float = Field(default=0.5, ge=0, le=1)


class SgdParams(Params):
    loss: (
        Literal["log_loss", "hinge", "modified_huber", "squared_error", "huber", "epsilon_insensitive"] | None
    ) = Field(default=None, description="log_loss for classes and squared_error for numbers when left out")
    penalty: Literal["l2", "l1", "elasticnet"] = "l2"
    alpha: float = Field(default=1e-4, gt=0)
    learning_rate: Literal["optimal", "invscaling", "constant"] | None = Field(
        default=None, description="scikit-learn's own default for the task when left out"
    )
    eta0: float = Field(default=0.01, gt=0)
    epochs: int = Field(default=20, ge=1, le=1_000_000)
    average: bool = False


def _logistic(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**params, random_state=seed)


def _linear(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.linear_model import LinearRegression, Ridge

    alpha = params.pop("alpha")
    return Ridge(alpha=alpha, **params) if alpha else LinearRegression(**params)


def _ridge(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.linear_model import Ridge, RidgeClassifier

    kind = RidgeClassifier if task == CLASSIFICATION else Ridge
    return kind(**params, random_state=seed)


def _lasso(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.linear_model import Lasso

    return Lasso(**params, random_state=seed)


def _elastic_net(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.linear_model import ElasticNet

    return ElasticNet(**params, random_state=seed)


def _sgd(task: str, params: dict[str, Any], seed: int, cpus: int) -> Any:
    from sklearn.linear_model import SGDClassifier, SGDRegressor

    del params["epochs"]
    classify = task == CLASSIFICATION
    losses = (
        ("log_loss", "hinge", "modified_huber")
        if classify
        else ("squared_error", "huber", "epsilon_insensitive")
    )
    loss = params.pop("loss") or losses[0]
    if loss not in losses:
        raise InvalidInput(
            f"hyperparameters.loss is {loss}; for {'classes' if classify else 'numbers'} it is one of: {', '.join(losses)}"
        )
    if params["learning_rate"] is None:
        del params["learning_rate"]
    kind = SGDClassifier if classify else SGDRegressor
    # The rows come in an order of our own.
    return kind(loss=loss, **params, shuffle=False, random_state=seed)


LINEAR = (
    SklearnAlgorithm(
        name="logistic_regression",
        summary="Linear classifier by maximum likelihood, with probabilities",
        tasks=(CLASSIFICATION,),
        params=LogisticRegressionParams,
        estimator=_logistic,
        scaled=True,
    ),
    SklearnAlgorithm(
        name="linear_regression",
        summary="Least squares; with a penalty, ridge regression",
        tasks=(REGRESSION,),
        params=LinearRegressionParams,
        estimator=_linear,
        scaled=True,
    ),
    SklearnAlgorithm(
        name="ridge",
        summary="Least squares with an L2 penalty",
        tasks=BOTH,
        params=RidgeParams,
        estimator=_ridge,
        scaled=True,
    ),
    SklearnAlgorithm(
        name="lasso",
        summary="Least squares with an L1 penalty: few columns count",
        tasks=(REGRESSION,),
        params=LassoParams,
        estimator=_lasso,
        scaled=True,
    ),
    SklearnAlgorithm(
        name="elastic_net",
        summary="Least squares with both penalties",
        tasks=(REGRESSION,),
        params=ElasticNetParams,
        estimator=_elastic_net,
        scaled=True,
    ),
    SklearnAlgorithm(
        name="sgd",
        summary="Linear model by stochastic gradient descent, epoch by epoch",
        tasks=BOTH,
        params=SgdParams,
        estimator=_sgd,
        scaled=True,
        changeable=("alpha", "eta0", "learning_rate", "penalty"),
    ),
)
