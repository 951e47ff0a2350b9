"""`tune:` of a job file, and what the API answers about studies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from tensorfleet.kit.clock import rfc3339
from tensorfleet.kit.written import AsDuration
from tensorfleet.tuning.model import AGAIN, KIND, Trial
from tensorfleet.tuning.options import Population, PrunerOptions, check_pruner
from tensorfleet.tuning.population import NOTE
from tensorfleet.tuning.space import MOST_GRID, grid_size, parse_range, parse_space

SEVERAL_OBJECTIVES = ("nsga2", "tpe", "random", "grid", "gp")
PBT = "pbt"
MOST_SPACE = 100
MOST_TRIALS = 10_000
MOST_SECONDS = 10**9


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Objective(_Part):
    """A metric that trials report, and where it should go."""

    metric: str = Field(min_length=1, max_length=100)
    direction: Literal["maximize", "minimize"]


Objectives = Annotated[list[Objective], Field(min_length=1, max_length=5)]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _check_range(given: Any) -> Any:
    parse_range(given)
    return given


ParamName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TuneSpec(_Part):
    """What a study varies, how many trials it makes, and who proposes them."""

    space: dict[ParamName, Annotated[Any, AfterValidator(_check_range)]] = Field(
        min_length=1,
        max_length=MOST_SPACE,
        description="hyperparameters to vary: {float: [low, high]}, {int: [low, high]} or {choice: [...]}",
    )
    objective: Annotated[
        list[Objective], BeforeValidator(_as_list, json_schema_input_type=Objectives | Objective)
    ] = Field(min_length=1, max_length=5)
    trials: int = Field(default=20, ge=1, le=MOST_TRIALS, strict=True)
    parallel: int = Field(default=4, ge=1, le=256, strict=True)
    sampler: Literal["tpe", "random", "grid", "cmaes", "gp", "nsga2", "pbt"] = "tpe"
    population: Population | None = Field(default=None, description="of the sampler pbt")
    pruner: Literal["none", "median", "asha", "hyperband"] = "none"
    pruner_options: PrunerOptions = Field(default_factory=PrunerOptions)
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1, strict=True)
    timeout: Annotated[float, AsDuration] | None = Field(
        default=None,
        gt=0,
        le=MOST_SECONDS,
        description="seconds, or text such as 1h30m, after which no new trial begins",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> TuneSpec:
        metrics = [one.metric for one in self.objective]
        if len(set(metrics)) < len(metrics):
            raise ValueError("objective: names the same metric twice")
        if len(metrics) > 1 and self.sampler not in SEVERAL_OBJECTIVES:
            able = ", ".join(SEVERAL_OBJECTIVES)
            raise ValueError(
                f"sampler: {self.sampler} takes one objective; for several use one of {able}, nsga2 before all"
            )
        if len(metrics) > 1 and self.pruner != "none":
            raise ValueError(f"pruner: {self.pruner} takes one objective; write none")
        check_pruner(self.pruner, self.pruner_options)
        if self.sampler == "grid":
            _check_grid(self.space)
        self._check_population()
        return self

    def _check_population(self) -> None:
        if self.sampler != PBT:
            if self.population is not None:
                raise ValueError(f"population: belongs to sampler: pbt, but the sampler is {self.sampler}")
            return
        if self.pruner != "none":
            raise ValueError(f"pruner: is {self.pruner}, but pbt itself replaces what does badly; write none")
        self.population = self.population or Population()
        count = self.population.size * self.population.generations
        if "trials" in self.model_fields_set and self.trials != count:
            raise ValueError(
                f"trials: is {self.trials}, but {self.population.size} members in {self.population.generations}"
                f" generations are {count}; leave it out"
            )
        self.trials = count


def _check_grid(space: dict[str, Any]) -> None:
    size = grid_size(parse_space(space))
    if size is None:
        raise ValueError(
            f"sampler: grid needs at most {MOST_GRID:,} combinations; give each float a step, and leave out log"
        )
    if size > MOST_GRID:
        raise ValueError(
            f"sampler: grid has {size:,} combinations, and at most {MOST_GRID:,} are possible; take wider steps"
        )


def trial_to_dict(trial: Trial) -> dict[str, Any]:
    """A trial as the API answers it; `value` is the first of `values`, `run_again` the trial that it repeats.

    One of a population also has its `generation`, `member`, `parent` and whether it is `copied` from another member.
    """
    values = trial.values
    place: dict[str, Any] = trial.notes.get(NOTE, {})
    return {
        "number": trial.number,
        "job_id": trial.job_id,
        "state": trial.state.value,
        "params": trial.params,
        "value": values[0] if values else None,
        "values": list(values) if values is not None else None,
        "reason": trial.reason,
        "created_at": rfc3339(trial.created_at),
        "finished_at": rfc3339(trial.finished_at),
        "run_again": trial.notes.get(AGAIN),
        **place,
    }


def check_tuning(kind: str, tune: TuneSpec | None, hyperparameters: dict[str, Any]) -> None:
    """Whether the parts of a job file fit together.

    Raises:
        ValueError: begins with the field that is wrong.
    """
    if kind == KIND and tune is None:
        raise ValueError("tune: is required for kind: tune; it holds space and objective")
    if tune is None:
        return
    if kind != KIND:
        raise ValueError("tune: belongs to kind: tune; write that, or leave tune out")
    for name in tune.space:
        if name in hyperparameters:
            raise ValueError(
                f"hyperparameters: '{name}' is in tune.space too; write it in one of the two places"
            )
