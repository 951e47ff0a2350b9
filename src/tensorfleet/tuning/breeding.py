"""Population-based training: who trains on from whose checkpoint, with which hyperparameters.

After Jaderberg et al., "Population Based Training of Neural Networks" (2017): truncation selection, then perturbation.
Members train in generations.  After each one, those of the lowest quantile go on from a copy of a member of the
highest, with changed hyperparameters.  All draws follow from (seed, generation, member), so whoever asks again gets
the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tensorfleet.tuning.model import Trial, TrialState
from tensorfleet.tuning.population import Place, Rules, by_leg, openings
from tensorfleet.tuning.space import Choice, FloatRange, IntRange, Range


@dataclass(frozen=True)
class Leg:
    """A member's part of one generation, to be begun."""

    place: Place
    params: dict[str, Any]


def legs(rules: Rules, space: Mapping[str, Range], seed: int, trials: Sequence[Trial]) -> list[Leg]:
    """The openings, with whose checkpoint each begins at and its hyperparameters."""
    found = openings(rules, trials)
    if not found:
        return []
    generation = found[0][0]
    if generation == 0:
        return [Leg(Place(0, member), drawn(space, _random(seed, 0, member, "draw"))) for _, member in found]
    held = by_leg(trials)
    before = {member: held[generation - 1, member] for member in range(rules.size)}
    parents = exploited(rules, before, seed, generation)
    made = []
    for _, member in found:
        parent, copied = before[parents[member]], parents[member] != member
        random = _random(seed, generation, member, "explore")
        params = explored(rules, space, parent.params, random) if copied else parent.params
        made.append(Leg(Place(generation, member, parent.number, copied), params))
    return made


def exploited(rules: Rules, before: Mapping[int, Trial], seed: int, generation: int) -> dict[int, int]:
    """From whom each member goes on: itself, or, where it is among the worst or has failed, one of the best."""
    done = [m for m, trial in before.items() if trial.state is TrialState.COMPLETED]
    ranked = sorted(done, key=lambda member: (-rules.sign * _value(before[member]), member))
    count = min(math.ceil(rules.quantile * len(before)), len(before) // 2)
    best = ranked[: max(1, count)]
    # Those that failed are the worst there are, and are replaced however many they be.
    failed = len(before) - len(done)
    spared = ranked[: len(ranked) - max(0, count - failed)]
    return {
        member: member if member in spared else _random(seed, generation, member, "exploit").choice(best)
        for member in before
    }


def explored(
    rules: Rules, space: Mapping[str, Range], params: Mapping[str, Any], random: Random
) -> dict[str, Any]:
    """The hyperparameters with each of them drawn anew or moved a little, inside the space."""
    return {
        name: _draw(one, random) if random.random() < rules.resample else _moved(one, params[name], rules, random)
        for name, one in space.items()
    }  # fmt: skip


def _moved(one: Range, value: Any, rules: Rules, random: Random) -> Any:
    if isinstance(one, Choice):
        at = one.values.index(value)
        return random.choice(one.values[max(0, at - 1) : at] + one.values[at + 1 : at + 2] or one.values)
    factor = random.choice(rules.factors)
    for times in (factor, 1 / factor):  # the other way where the range ends
        moved = _onto(one, value * times)
        if one.step is not None and moved == value and times != 1:  # too small for the factor to be felt
            moved = _onto(one, value + math.copysign(one.step, times - 1))
        if moved != value:
            break
    return moved


def _onto(one: FloatRange | IntRange, value: float) -> Any:
    """The nearest value that the range has."""
    inside = min(max(value, one.low), one.high)
    if one.step is not None:
        inside = one.low + round((inside - one.low) / one.step) * one.step
        inside = inside if inside <= one.high else inside - one.step
    return int(inside) if isinstance(one, IntRange) else float(inside)


def drawn(space: Mapping[str, Range], random: Random) -> dict[str, Any]:
    return {name: _draw(one, random) for name, one in space.items()}


def _draw(one: Range, random: Random) -> Any:
    if isinstance(one, Choice):
        return random.choice(one.values)
    into, out_of = (math.log, math.exp) if one.log else (float, float)
    value = out_of(random.uniform(into(one.low), into(one.high)))
    return _onto(one, round(value) if isinstance(one, IntRange) else value)


def _value(trial: Trial) -> float:
    return (trial.values or (0.0,))[0]


def _random(seed: int, generation: int, member: int, what: str) -> Random:
    return Random(f"{seed}/{generation}/{member}/{what}")  # noqa: S311 - nothing secret is drawn
