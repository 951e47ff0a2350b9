"""What a study says about its pruner and its population, with their limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MOST_MEMBERS = 1000
_Whole = Annotated[int, Field(strict=True, le=10**9)]


def _check_resource(given: Any) -> Any:
    whole = isinstance(given, int) and not isinstance(given, bool)
    if given not in (None, "auto") and not (whole and 1 <= given <= 10**9):
        raise ValueError(f"should be a whole number from 1 on, or auto, but is {str(given)[:60]!r}")
    return given


_Resource = Annotated[int | str, BeforeValidator(_check_resource)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PrunerOptions(_Options):
    """As Optuna's pruners name and mean them; what is left out is as Optuna has it.  Steps are those that trials report."""

    n_startup_trials: Annotated[_Whole, Field(ge=0)] | None = None
    n_warmup_steps: Annotated[_Whole, Field(ge=0)] | None = None
    interval_steps: Annotated[_Whole, Field(ge=1)] | None = None
    n_min_trials: Annotated[_Whole, Field(ge=1)] | None = None
    min_resource: _Resource | None = None
    max_resource: _Resource | None = None
    reduction_factor: Annotated[_Whole, Field(ge=2)] | None = None
    min_early_stopping_rate: Annotated[_Whole, Field(ge=0, le=30)] | None = None
    bootstrap_count: Annotated[_Whole, Field(ge=0)] | None = None

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


OPTIONS_OF: dict[str, tuple[str, ...]] = {
    "none": (),
    "median": ("n_startup_trials", "n_warmup_steps", "interval_steps", "n_min_trials"),
    "asha": ("min_resource", "reduction_factor", "min_early_stopping_rate", "bootstrap_count"),
    "hyperband": ("min_resource", "max_resource", "reduction_factor", "bootstrap_count"),
}


def check_pruner(pruner: str, options: PrunerOptions) -> None:
    """Whether the options are those of this pruner, and fit together.

    Raises:
        ValueError: begins with the field that is wrong.
    """
    given = options.given()
    for name in given:
        if name not in OPTIONS_OF[pruner]:
            has = ", ".join(OPTIONS_OF[pruner]) or "no options"
            raise ValueError(f"pruner_options: {pruner} has no {name}; it has {has}")
    low, high = given.get("min_resource"), given.get("max_resource")
    if pruner == "hyperband" and low == "auto":
        raise ValueError("pruner_options: min_resource is auto, which hyperband cannot; write a number")
    if isinstance(high, int) and (low or 1) > high:
        raise ValueError(f"pruner_options: min_resource is {low}, more than max_resource, {high}")
    unknown = "min_resource" if pruner == "asha" else "max_resource"
    if given.get("bootstrap_count") and given.get(unknown, "auto") == "auto":
        raise ValueError(f"pruner_options: bootstrap_count needs {unknown} as a number")


class Population(_Options):
    """How a population is trained, as Ray Tune names it: each member in `generations` parts of `perturbation_interval` epochs."""

    size: int = Field(default=8, ge=2, le=MOST_MEMBERS, strict=True)
    generations: int = Field(default=10, ge=2, le=10_000, strict=True)
    perturbation_interval: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        strict=True,
        description="epochs of a built-in; steps that own code gives to train.save",
    )
    quantile_fraction: float = Field(default=0.25, gt=0, le=0.5)
    resample_probability: float = Field(default=0.25, ge=0, le=1)
    perturbation_factors: list[Annotated[float, Field(gt=0, le=100)]] = Field(
        default=[0.8, 1.2], min_length=1, max_length=10
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Population:
        if self.size * self.generations > 10_000:
            raise ValueError(
                f"size x generations is {self.size * self.generations:,} trials; at most 10,000 are possible"
            )
        if self.steps > 1_000_000:
            raise ValueError(
                f"generations x perturbation_interval is {self.steps:,}; at most 1,000,000 are possible"
            )
        return self

    @property
    def steps(self) -> int:
        """Of a member's whole training."""
        return self.generations * self.perturbation_interval
