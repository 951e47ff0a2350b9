"""The search space: what each hyperparameter may become."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from tensorfleet.errors import FieldError, nearest

MOST_CHOICES = 1000
MOST_GRID = 100_000
_FORMS = {"float": {"log", "step"}, "int": {"log", "step"}, "choice": set()}
_HOW = "write {float: [low, high]}, {int: [low, high]} or {choice: [a, b]}"


@dataclass(frozen=True)
class FloatRange:
    """All numbers from `low` to `high`, both included; only every `step`-th from `low` on where there is a step."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def examples(self) -> tuple[Any, ...]:
        return (self.low, self.high)

    def grid(self) -> list[Any] | None:
        if self.step is None:
            return None
        return [self.low + number * self.step for number in range(_steps(self.low, self.high, self.step))]


@dataclass(frozen=True)
class IntRange:
    low: int
    high: int
    log: bool = False
    step: int = 1

    def examples(self) -> tuple[Any, ...]:
        return (self.low, self.high)

    def grid(self) -> list[Any] | None:
        if self.log or (self.high - self.low) // self.step >= MOST_GRID:
            return None
        return list(range(self.low, self.high + 1, self.step))


@dataclass(frozen=True)
class Choice:
    values: tuple[Any, ...]

    def examples(self) -> tuple[Any, ...]:
        return self.values

    def grid(self) -> list[Any] | None:
        return list(self.values)

    def labels(self) -> list[Any]:
        """The values as a sampler can keep them: lists and mappings as JSON."""
        return [json.dumps(value) if isinstance(value, list | dict) else value for value in self.values]

    def of_label(self, label: Any) -> Any:
        return self.values[self.labels().index(label)]


Range = FloatRange | IntRange | Choice


def parse_range(given: Any) -> Range:
    """One hyperparameter's entry in the job file as a value.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    if not isinstance(given, dict):
        raise ValueError(f"is {str(given)[:60]!r}, not a range; {_HOW}")
    forms = [name for name in _FORMS if name in given]
    if len(forms) != 1:
        raise ValueError(f"has to be one of float, int and choice; {_HOW}")
    (form,) = forms
    for name in given.keys() - {form} - _FORMS[form]:
        raise ValueError(f"there is no '{str(name)[:60]}' in a {form}; {nearest(str(name), _FORMS[form])}")
    if form == "choice":
        return _choice(given["choice"])
    return _checked(given, form)


def _choice(values: Any) -> Choice:
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_CHOICES:
        raise ValueError(f"choice has to be a list of 1 to {MOST_CHOICES} values")
    found = Choice(tuple(values))
    try:
        json.dumps(values, allow_nan=False)
    except RecursionError as error:
        raise ValueError("choice is nested too deeply") from error
    except ValueError as error:
        raise ValueError("choice has nan or inf, which is no finite number") from error
    # As a sampler compares them, to which 1, 1.0 and true are the same.
    labels = found.labels()
    for number, label in enumerate(labels):
        if label in labels[:number]:
            raise ValueError(f"choice has {json.dumps(values[number])[:60]} twice")
    return found


def _checked(given: dict[str, Any], form: str) -> FloatRange | IntRange:
    ends = given[form]
    whole = form == "int"
    kind = "whole numbers" if whole else "finite numbers"
    if not isinstance(ends, list) or len(ends) != 2 or not all(_is_number(end, whole=whole) for end in ends):
        raise ValueError(f"{form} has to be [low, high], two {kind}, but is {str(ends)[:60]}")
    low, high = ends
    log, step = given.get("log", False), given.get("step")
    if low > high:
        raise ValueError(f"low is {low}, more than high, {high}")
    if not isinstance(log, bool):
        raise ValueError(f"log is {str(log)[:60]!r}; write true or false")
    if not math.isfinite(high - low):
        raise ValueError(f"the range from {low} to {high} is too wide")
    if log and (low < 1 if whole else low <= 0):
        raise ValueError(f"log needs a low of {'1 or more' if whole else 'more than 0'}, but it is {low}")
    if log and step is not None:
        raise ValueError("log and step exclude each other")
    if step is not None and (not _is_number(step, whole=whole) or step <= 0):
        raise ValueError(f"step has to be a positive {'whole number' if whole else 'number'}")
    if step is not None:
        _check_step(low, high, step, whole=whole)
    if whole:
        return IntRange(low, high, log, step or 1)
    return _on_steps(FloatRange(float(low), float(high), log, None if step is None else float(step)))


def _check_step(low: float, high: float, step: float, *, whole: bool) -> None:
    steps = _steps(low, high, step)
    if not whole and steps > MOST_GRID:
        raise ValueError(f"step {step:g} makes {steps:,} values; at most {MOST_GRID:,} are possible")
    last = low + (steps - 1) * step
    if abs(high - last) > 1e-6 * step:
        raise ValueError(
            f"step {step:g} leads from {low:g} to {last:g} and not to {high:g}; write one of them as high"
        )


def _on_steps(found: FloatRange) -> FloatRange:
    """With the highest value as the steps reach it, which may differ from what was written in its last bits."""
    if found.step is None:
        return found
    return replace(found, high=found.low + (_steps(found.low, found.high, found.step) - 1) * found.step)


def _steps(low: float, high: float, step: float) -> int:
    return math.floor((high - low) / step + 1e-9) + 1


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False
    return abs(value) < 2**53 if whole else math.isfinite(value)


def parse_space(space: Mapping[str, Any]) -> dict[str, Range]:
    return {name: parse_range(given) for name, given in space.items()}


def grid_size(space: Mapping[str, Range]) -> int | None:
    """How many combinations there are; None when a hyperparameter has no countable values."""
    sizes = []
    for one in space.values():
        values = one.grid()
        if values is None:
            return None
        sizes.append(len(values))
    return math.prod(sizes)


def grid_points(space: Mapping[str, Range]) -> list[dict[str, Any]]:
    """All combinations, the last hyperparameter changing fastest."""
    values = [one.grid() or [] for one in space.values()]
    return [dict(zip(space, point, strict=True)) for point in product(*values)]


def space_errors(
    space: Mapping[str, Range],
    fixed: Mapping[str, Any],
    check: Callable[[dict[str, Any]], Sequence[FieldError]],
) -> list[FieldError]:
    """What of the space an algorithm would refuse: the ends of ranges and all choices, one hyperparameter at a time.

    Args:
        fixed: hyperparameters that every trial has.
        check: what is wrong with a set of hyperparameters, each under `hyperparameters.NAME`.
    """
    errors = []
    for name, one in space.items():
        for example in one.examples():
            wrong = [
                error for error in check({**fixed, name: example}) if error.field.split(".")[1:2] == [name]
            ]
            if wrong:
                errors.append(FieldError(f"tune.space.{name}", wrong[0].message, wrong[0].code))
                break
    return errors
