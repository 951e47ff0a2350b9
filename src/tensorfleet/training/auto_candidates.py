"""The candidates of `auto`: what is tried next, and what became of what was tried.

A round has a fixed number of candidates, and what is asked in it follows from the rounds before alone.  So the same number of
candidates and the same seed give the same search, whatever the number of ranks, and wherever it was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training.auto_families import Family, first_tries
from tensorfleet.training.auto_scoring import gain
from tensorfleet.tuning.space import Choice, FloatRange, Range

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ROUND = 4
_STARTUP = 4
"""Candidates of a family, with the first tries, before its next ones are more than chance."""
_TRIES = 10
"""How often is asked for something that was not tried yet."""


@dataclass
class Candidate:
    """One model that was tried, or is to be.

    Attributes:
        metric: what `score` is.
        std: of the score over the folds.
        seconds: of all ranks together.
        reason: why it has no score.
        again: whether it would have none in a replay either, however fast the machine is.
        predictions: for the rows of all folds, as `auto_fitting.predicted` gives them; None where they are not kept.
    """

    number: int
    family: str
    hyperparameters: dict[str, Any]
    metric: str
    score: float | None = None
    std: float = 0.0
    seconds: float = 0.0
    reason: str | None = None
    again: bool = True
    weight: float = 0.0
    predictions: Array | None = field(default=None, repr=False, compare=False)

    @property
    def gain(self) -> float:
        """The score so that more is better; the least of all where there is none."""
        return float("-inf") if self.score is None else gain(self.metric, self.score)

    def told(self) -> dict[str, Any]:
        """A line of the leaderboard."""
        return {
            "number": self.number,
            "family": self.family,
            "hyperparameters": self.hyperparameters,
            "metric": self.metric,
            "score": self.score,
            "std": self.std,
            "seconds": round(self.seconds, 3),
            "weight": round(self.weight, 6),
            "reason": self.reason,
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "weight"}


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those with a score, the best first; of equally good ones the earlier one."""
    return sorted(
        (one for one in candidates if one.score is not None), key=lambda one: (-one.gain, one.number)
    )


class Proposer:
    """Says which candidates a round has: first those that are always tried, then what Optuna's TPE asks for.

    Args:
        skip: numbers that are not tried.
    """

    def __init__(self, families: Mapping[str, Family], metric: str, seed: int, skip: Sequence[int]) -> None:
        self._families, self._metric, self._seed, self._skip = families, metric, seed, set(skip)
        self._first = first_tries(families)

    def round(self, start: int, known: Sequence[Candidate]) -> list[Candidate]:
        """The candidates `start` to `start + ROUND`.

        Args:
            known: those that were tried; of them only the ones before `start` are looked at.
        """
        numbers = range(start, start + ROUND)
        found = [
            Candidate(number, *self._first[number], self._metric)
            for number in numbers
            if number < len(self._first)
        ]
        if len(found) < ROUND:
            asked = self._ask(start, [one for one in known if one.number < start], ROUND - len(found))
            found += [
                Candidate(start + len(found) + more, family, values, self._metric)
                for more, (family, values) in enumerate(asked)
            ]
        for one in found:
            if one.number in self._skip:
                one.reason, one.again = "it was left out", False
        return found

    def _ask(self, start: int, known: Sequence[Candidate], count: int) -> list[tuple[str, dict[str, Any]]]:
        """What Optuna's TPE asks for in each of the families that this round looks at."""
        import warnings

        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        tried = [(one.family, one.hyperparameters) for one in known]
        studies: dict[str, Any] = {}
        asked: list[tuple[str, dict[str, Any]]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it calls experimental
            for family in self._families_of(start, known, count):
                if family not in studies:
                    studies[family] = self._study(family, start, known)
                for _ in range(_TRIES):
                    found = (family, self._asked(studies[family], family))
                    if found not in tried and found not in asked:
                        break
                asked.append(found)
        return asked

    def _families_of(self, start: int, known: Sequence[Candidate], count: int) -> list[str]:
        """Drawn by how good the best of each is: every one has its chance, none is in a round twice while others are left."""
        import numpy as np

        best = ranked(known)
        places = {one.family: place for place, one in reversed(list(enumerate(best)))}
        order = sorted(self._families, key=lambda family: places.get(family, len(best)))
        shares = 1 / np.arange(1, len(order) + 1)
        random = np.random.default_rng([self._seed, start])
        found: list[str] = []
        while len(found) < count:
            drawn = random.choice(len(order), len(order), replace=False, p=shares / shares.sum())
            found += [order[place] for place in drawn]
        return found[:count]

    def _study(self, family: str, start: int, known: Sequence[Candidate]) -> Any:
        """Optuna's study of one family, with what is known of it."""
        import optuna
        from optuna.trial import TrialState

        sampler = optuna.samplers.TPESampler(
            seed=(self._seed + 7919 * start) % 2**32, n_startup_trials=_STARTUP, constant_liar=True
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for one in known:
            if one.family == family and one.score is not None:
                study.add_trial(
                    optuna.trial.create_trial(state=TrialState.COMPLETE, value=one.gain, **self._inward(one))
                )
        return study

    def _asked(self, study: Any, family: str) -> dict[str, Any]:
        trial = study.ask()
        return {name: _suggested(trial, name, one) for name, one in self._families[family].space.items()}

    def _inward(self, one: Candidate) -> dict[str, Any]:
        """As Optuna keeps it: those of its hyperparameters that are searched, the others it does not know."""
        from tensorfleet.tuning.distributions import distribution_of, inward

        space = self._families[one.family].space
        own = {name: space[name] for name in space if name in one.hyperparameters}
        return {
            "params": {name: inward(one.hyperparameters[name]) for name in own},
            "distributions": {name: distribution_of(found) for name, found in own.items()},
        }


def _suggested(trial: Any, name: str, one: Range) -> Any:
    if isinstance(one, Choice):
        return one.of_label(trial.suggest_categorical(name, one.labels()))
    if isinstance(one, FloatRange):
        return trial.suggest_float(name, one.low, one.high, log=one.log, step=one.step)
    return trial.suggest_int(name, one.low, one.high, log=one.log, step=one.step)


def import_optuna() -> None:
    """Imports the library that searches.

    Raises:
        InvalidInput: it is not installed on this worker.
    """
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"auto needs Optuna on this worker ({error}); install it there with: pip install 'tensorfleet[tune]'"
        ) from error
