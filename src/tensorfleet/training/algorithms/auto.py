"""`auto`: which model, with which hyperparameters, and an ensemble of the best; `tensorfleet.training.auto` does the work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tensorfleet.training.algorithm import BOTH, Algorithm, Params

Family = Literal[
    "linear",
    "naive_bayes",
    "knn",
    "lightgbm",
    "extra_trees",
    "random_forest",
    "xgboost",
    "mlp",
    "gradient_boosting",
]
ClassMetric = Literal["log_loss", "accuracy", "balanced_accuracy", "f1_macro", "roc_auc"]
NumberMetric = Literal["rmse", "mae", "r2"]


class AutoParams(Params):
    time_budget_s: float | None = Field(
        default=60.0,
        gt=0,
        le=30 * 86_400,
        description="seconds for the search and the final training; null: no limit, with max_candidates",
    )
    max_candidates: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        validate_default=True,
        description="ends after so many, also before the time is over",
    )
    metric: ClassMetric | NumberMetric | None = Field(
        default=None,
        description="what is searched for; log_loss for classes and rmse for numbers when left out",
    )
    families: list[Family] | None = Field(
        default=None, min_length=1, description="what is tried; all when left out"
    )
    exclude: list[Family] = Field(default=[], description="families that are not tried")
    ensemble_size: int = Field(
        default=25, ge=1, le=200, description="steps of the ensemble's selection; 1: the best candidate alone"
    )
    folds: int | None = Field(
        default=None,
        ge=2,
        le=20,
        description="of cross-validation; when left out 5, of which one is used above 50,000 training rows",
    )
    skip: list[Annotated[int, Field(ge=0)]] = Field(
        default=[], max_length=10_000, description="numbers of candidates that a replay leaves out"
    )

    @field_validator("max_candidates")
    @classmethod
    def _ends(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None and info.data.get("time_budget_s", 0.0) is None:
            raise PydanticCustomError("no_end", "should be a number where time_budget_s is null")
        return value

    @field_validator("exclude")
    @classmethod
    def _leaves_some(cls, value: list[Family], info: ValidationInfo) -> list[Family]:
        if not set(info.data.get("families") or Family.__args__) - set(value):  # type: ignore[attr-defined]
            raise PydanticCustomError("no_family", "should leave a family to try")
        return value


AUTO = Algorithm(
    name="auto",
    summary="Tries families of models within a time budget, and joins the best",
    tasks=BOTH,
    params=AutoParams,
    trainer="tensorfleet.training.auto:train",
    library="scikit-learn, XGBoost, LightGBM, Optuna",
    distributes=True,
)
