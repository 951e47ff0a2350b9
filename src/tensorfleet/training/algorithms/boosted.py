"""Gradient boosting by XGBoost and LightGBM: hyperparameters with the names and defaults of their scikit-learn classes."""

from __future__ import annotations

from pydantic import Field

from tensorfleet.training.algorithm import BOTH, Algorithm, Params


class BoostedParams(Params):
    """What both have in common."""

    n_estimators: int = Field(default=100, ge=1, le=100_000, description="boosting rounds")
    learning_rate: float = Field(default=0.1, gt=0, le=10)
    subsample: float = Field(default=1.0, gt=0, le=1, description="share of the rows for each tree")
    colsample_bytree: float = Field(default=1.0, gt=0, le=1, description="share of the columns for each tree")
    reg_alpha: float = Field(default=0.0, ge=0)
    reg_lambda: float = Field(default=0.0, ge=0)
    max_bin: int = Field(default=255, ge=2, le=65_535, description="values that are told apart in a column")
    early_stopping_rounds: int | None = Field(
        default=None,
        ge=1,
        description="ends after so many rounds without a better one on the validation rows, and keeps the best",
    )
    validation_fraction: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="share of the training rows that early stopping looks at, where the job's split has none for it",
    )


class XgboostParams(BoostedParams):
    learning_rate: float = Field(default=0.3, gt=0, le=10)
    max_depth: int = Field(default=6, ge=0, le=60, description="0: no limit")
    max_leaves: int = Field(default=0, ge=0, le=1_000_000, description="0: no limit")
    min_child_weight: float = Field(default=1.0, ge=0)
    gamma: float = Field(default=0.0, ge=0, description="what a split has to gain at least")
    reg_lambda: float = Field(default=1.0, ge=0)
    max_bin: int = Field(default=256, ge=2, le=65_535, description="values that are told apart in a column")


class LightgbmParams(BoostedParams):
    num_leaves: int = Field(default=31, ge=2, le=131_072)
    max_depth: int = Field(default=-1, ge=-1, le=1_000_000, description="-1: no limit")
    min_child_samples: int = Field(default=20, ge=1)
    min_child_weight: float = Field(default=0.001, ge=0)
    min_split_gain: float = Field(default=0.0, ge=0)


BOOSTED = (
    Algorithm(
        name="xgboost",
        summary="XGBoost: trees that each correct those before, by all workers together",
        tasks=BOTH,
        params=XgboostParams,
        trainer="tensorfleet.training.boosted:train",
        library="XGBoost",
        distributes=True,
    ),
    Algorithm(
        name="lightgbm",
        summary="LightGBM: trees that grow where they gain most, by all workers together",
        tasks=BOTH,
        params=LightgbmParams,
        trainer="tensorfleet.training.boosted:train",
        library="LightGBM",
        distributes=True,
    ),
)
