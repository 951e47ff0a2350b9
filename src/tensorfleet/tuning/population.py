"""Members of a population, and which of them may train on: pure, and without chance.  How they are bred: `breeding`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tensorfleet.tuning.model import Trial, TrialState

NOTE = "population"
"""Of a trial's notes: which member it is of which generation, and where it began."""


@dataclass(frozen=True)
class Place:
    """What one trial is in its population.

    Attributes:
        parent: the number of the trial from whose checkpoint it began; None in the first generation.
        copied: whether that was another member's.
    """

    generation: int
    member: int
    parent: int | None = None
    copied: bool = False

    def to_notes(self) -> dict[str, Any]:
        return {NOTE: dict(self.__dict__)}


def place_of(trial: Trial) -> Place:
    return Place(**trial.notes[NOTE])


@dataclass(frozen=True)
class Rules:
    """How a population is bred.

    Attributes:
        quantile: the share of members that is replaced after a generation, and the share that they are copied from.
        resample: the probability that a hyperparameter is drawn anew instead of perturbed.
        factors: what a number is multiplied with when it is perturbed, one of them.
        sign: 1 where more is better, -1 where less is.
    """

    size: int
    generations: int
    quantile: float = 0.25
    resample: float = 0.25
    factors: tuple[float, ...] = (0.8, 1.2)
    sign: float = 1.0


def openings(rules: Rules, trials: Sequence[Trial]) -> list[tuple[int, int]]:
    """`(generation, member)` of the legs that may begin now; none while the generation before still runs, or at the end."""
    held = by_leg(trials)
    generation = max((key[0] for key in held), default=0)
    missing = [(generation, member) for member in range(rules.size) if (generation, member) not in held]
    if missing:
        return missing
    running = any(not trial.state.ended for trial in trials)
    if running or generation + 1 >= rules.generations or dead_generation(rules, trials) is not None:
        return []
    return [(generation + 1, member) for member in range(rules.size)]


def dead_generation(rules: Rules, trials: Sequence[Trial]) -> int | None:
    """The newest generation, if it is over and nobody completed it."""
    held = by_leg(trials)
    generation = max((key[0] for key in held), default=-1)
    mine = [trial for key, trial in held.items() if key[0] == generation]
    over = len(mine) == rules.size and all(trial.state.ended for trial in mine)
    return generation if over and not any(trial.state is TrialState.COMPLETED for trial in mine) else None


def by_leg(trials: Iterable[Trial]) -> dict[tuple[int, int], Trial]:
    """By (generation, member); of a leg that was run again the last trial counts."""
    return {(place_of(trial).generation, place_of(trial).member): trial for trial in trials}
