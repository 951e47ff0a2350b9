"""The catalogue of algorithms: the built-in ones, and those that installed packages add.

This module is light: a gateway validates job files with it, without scikit-learn or PyTorch.
"""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from itertools import islice
from typing import Any

from pydantic import ValidationError

from tensorfleet.errors import MOST_FIELDS, FieldError, nearest
from tensorfleet.training.algorithm import Algorithm, Params, SklearnAlgorithm
from tensorfleet.training.algorithms.auto import AUTO
from tensorfleet.training.algorithms.bert import BERT
from tensorfleet.training.algorithms.boosted import BOOSTED
from tensorfleet.training.algorithms.keras import KERAS
from tensorfleet.training.algorithms.linear import LINEAR
from tensorfleet.training.algorithms.naive_bayes import NAIVE_BAYES
from tensorfleet.training.algorithms.neighbours import NEIGHBOURS
from tensorfleet.training.algorithms.neural import NEURAL
from tensorfleet.training.algorithms.trees import TREES
from tensorfleet.training.algorithms.unsupervised import UNSUPERVISED

BUILT_IN: tuple[Algorithm, ...] = (
    *LINEAR,
    *TREES,
    *NEIGHBOURS,
    *NAIVE_BAYES,
    *NEURAL,
    *KERAS,
    *UNSUPERVISED,
    *BERT,
    *BOOSTED,
    AUTO,
)
GROUP = "tensorfleet.algorithms"
"""Entry points of this group name an `Algorithm`, or a sequence of them."""

log = logging.getLogger(__name__)


def _plugged_in() -> list[Algorithm]:
    """What other packages add; one that cannot be imported is left out and said so, and takes no other one's name."""
    found: list[Algorithm] = []
    for point in entry_points(group=GROUP):
        try:
            loaded = point.load()
            several = [loaded] if isinstance(loaded, Algorithm) else list(loaded)
            if odd := [one for one in several if not isinstance(one, Algorithm)]:
                raise TypeError(f"it names {odd[0]!r:.60}, which is no Algorithm")
            found += several
        except Exception as error:
            log.warning("the plug-in %s with algorithms cannot be loaded: %s", point.value, error)
    return found


ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in (*_plugged_in(), *BUILT_IN)}


def catalogue() -> list[dict[str, Any]]:
    """Every algorithm as data, with the JSON schema and the defaults of its hyperparameters."""
    return [
        {
            "name": algorithm.name,
            "summary": algorithm.summary,
            "library": algorithm.library,
            "tasks": list(algorithm.tasks),
            "distributes": algorithm.distributes,
            "defaults": algorithm.params().model_dump(),
            "schema": algorithm.params.model_json_schema(),
        }
        for algorithm in sorted(ALGORITHMS.values(), key=lambda one: one.name)
    ]


def validate(
    algorithm: str, hyperparameters: dict[str, Any], workers: int = 1, folds: int | None = None
) -> list[FieldError]:
    """What is wrong with the algorithm's name, its hyperparameters, or running it on so many workers or in so many folds."""
    known = ALGORITHMS.get(algorithm)
    if known is None:
        message = f"there is no algorithm '{algorithm[:60]}'; {nearest(algorithm[:60], ALGORITHMS)}"
        return [FieldError("algorithm", message, "unknown_algorithm")]
    errors = validate_hyperparameters(algorithm, hyperparameters)
    validates = isinstance(known, SklearnAlgorithm) and known.supervised
    if folds and not validates:
        message = f"{algorithm} is not cross-validated; leave it out, or use an algorithm of scikit-learn that has a target"
        errors.append(FieldError("evaluation.folds", message, "does_not_cross_validate"))
    if workers > 1 and not known.distributes and not (folds and validates):
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
        named = (_field_error(params, problem) for problem in islice(error.errors(), MOST_FIELDS))
        return list({one.field: one for one in named}.values())
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
