"""The built-in algorithms: their names, hyperparameters and trainers.

This module is light: a gateway validates job files with it, without scikit-learn or PyTorch.  Where a
hyperparameter has scikit-learn's name it also has its meaning and its default.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tensorfleet.errors import FieldError, nearest

CLASSIFICATION = "classification"
REGRESSION = "regression"
BOTH = (CLASSIFICATION, REGRESSION)


class Params(BaseModel):
    """Hyperparameters of one algorithm."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class LogisticRegressionParams(Params):
    C: float = Field(default=1.0, gt=0)
    max_iter: int = Field(default=1000, ge=1, le=1_000_000)
    tol: float = Field(default=1e-4, gt=0)
    class_weight: Literal["balanced"] | None = None


class LinearRegressionParams(Params):
    alpha: float = Field(default=0.0, ge=0, description="L2 penalty; ridge regression when above 0")
    fit_intercept: bool = True


class RandomForestParams(Params):
    n_estimators: int = Field(default=100, ge=1, le=100_000)
    max_depth: int | None = Field(default=None, ge=1)
    min_samples_split: int = Field(default=2, ge=2)
    min_samples_leaf: int = Field(default=1, ge=1)
    max_features: Literal["sqrt", "log2"] | Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="scikit-learn's own default for the task when left out"
    )


class GradientBoostingParams(Params):
    n_estimators: int = Field(default=100, ge=1, le=100_000, description="boosting rounds")
    learning_rate: float = Field(default=0.1, gt=0)
    max_depth: int | None = Field(default=None, ge=1)
    max_leaf_nodes: int = Field(default=31, ge=2)
    min_samples_leaf: int = Field(default=20, ge=1)
    l2_regularization: float = Field(default=0.0, ge=0)


class SvmParams(Params):
    C: float = Field(default=1.0, gt=0)
    kernel: Literal["rbf", "linear", "poly", "sigmoid"] = "rbf"
    degree: int = Field(default=3, ge=1, le=20)
    gamma: Literal["scale", "auto"] | Annotated[float, Field(gt=0)] = "scale"


class KnnParams(Params):
    n_neighbors: int = Field(default=5, ge=1)
    weights: Literal["uniform", "distance"] = "uniform"
    p: float = Field(default=2, ge=1)


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


class MlpParams(Params):
    hidden: list[Annotated[int, Field(ge=1, le=65_536)]] = Field(default=[256, 128], max_length=50)
    epochs: int = Field(default=20, ge=1, le=1_000_000)
    batch_size: int = Field(default=64, ge=1, description="rows per rank and step")
    learning_rate: float = Field(default=0.001, gt=0, le=100)
    weight_decay: float = Field(default=0.01, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


@dataclass(frozen=True)
class Algorithm:
    """One built-in.  `trainer` is the `module:function` that gets (session, algorithm, params)."""

    name: str
    tasks: tuple[str, ...]
    params: type[Params]
    trainer: str
    distributes: bool = False
    accumulates: bool = False
    """Whether it can split a batch into several and add up their gradients, for the same steps with less memory."""

    def load(self) -> Callable[..., Any]:
        module, _, function = self.trainer.partition(":")
        loaded: Callable[..., Any] = getattr(importlib.import_module(module), function)
        return loaded


_SKLEARN = "tensorfleet.training.sklearn_trainers"

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("logistic_regression", (CLASSIFICATION,), LogisticRegressionParams, f"{_SKLEARN}:train"),
        Algorithm("linear_regression", (REGRESSION,), LinearRegressionParams, f"{_SKLEARN}:train"),
        Algorithm("random_forest", BOTH, RandomForestParams, f"{_SKLEARN}:train"),
        Algorithm("gradient_boosting", BOTH, GradientBoostingParams, f"{_SKLEARN}:train"),
        Algorithm("svm", BOTH, SvmParams, f"{_SKLEARN}:train"),
        Algorithm("knn", BOTH, KnnParams, f"{_SKLEARN}:train"),
        Algorithm("sgd", BOTH, SgdParams, f"{_SKLEARN}:train"),
        Algorithm(
            "mlp", BOTH, MlpParams, "tensorfleet.training.mlp:train", distributes=True, accumulates=True
        ),
    )
}


def catalogue() -> list[dict[str, Any]]:
    """Every built-in as data, with the JSON schema and the defaults of its hyperparameters."""
    return [
        {
            "name": algorithm.name,
            "tasks": list(algorithm.tasks),
            "distributes": algorithm.distributes,
            "defaults": algorithm.params().model_dump(),
            "schema": algorithm.params.model_json_schema(),
        }
        for algorithm in ALGORITHMS.values()
    ]


def validate(algorithm: str, hyperparameters: dict[str, Any], workers: int = 1) -> list[FieldError]:
    """What is wrong with the algorithm's name, its hyperparameters, or running it on so many workers."""
    known = ALGORITHMS.get(algorithm)
    if known is None:
        message = f"there is no algorithm '{algorithm[:60]}'; {nearest(algorithm[:60], ALGORITHMS)}"
        return [FieldError("algorithm", message, "unknown_algorithm")]
    errors = validate_hyperparameters(algorithm, hyperparameters)
    if workers > 1 and not known.distributes:
        able = ", ".join(name for name, one in ALGORITHMS.items() if one.distributes)
        message = f"is {workers}, but {algorithm} trains on one; write 1, or use an algorithm that distributes: {able}"
        errors.append(FieldError("resources.workers", message, "does_not_distribute"))
    return errors


def validate_hyperparameters(algorithm: str, hyperparameters: dict[str, Any]) -> list[FieldError]:
    """One error per wrong hyperparameter of a known algorithm, with the nearest name for an unknown one."""
    params = ALGORITHMS[algorithm].params
    try:
        params.model_validate(hyperparameters)
    except ValidationError as error:
        found = {
            _field_error(params, problem).field: _field_error(params, problem) for problem in error.errors()
        }
        return list(found.values())
    return []


def _field_error(params: type[Params], problem: Any) -> FieldError:
    name, *inner = problem["loc"]
    path = ".".join(["hyperparameters", str(name), *(str(part) for part in inner if isinstance(part, int))])
    if problem["type"] == "extra_forbidden":
        message = f"there is no such hyperparameter; {nearest(str(name)[:60], params.model_fields)}"
        return FieldError(path, message, "unknown_hyperparameter")
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return FieldError(
        path,
        f"{message.replace('input should', 'should')}, but is {_short(problem['input'])}",
        problem["type"],
    )


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
