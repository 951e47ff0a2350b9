"""One candidate of `auto`: fitted on some rows, its predictions for others, its files."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from tensorfleet.errors import InvalidInput
from tensorfleet.training.algorithm import CLASSIFICATION, SklearnAlgorithm
from tensorfleet.training.artifacts import SKOPS_FILE
from tensorfleet.training.data import Problem
from tensorfleet.training.evaluation import predictions
from tensorfleet.training.skops_file import dump_skops

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.algorithm import Algorithm
    from tensorfleet.training.boosted_data import BoostingData
    from tensorfleet.training.context import TaskContext

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate: something that predicts, and how it is kept."""

    model: Any
    flavor: str
    data: BoostingData | None = None
    booster: bytes = b""

    def files(self) -> dict[str, bytes]:
        """As a job of this algorithm alone would keep them."""
        if self.data is None:
            return {SKOPS_FILE: dump_skops(self.model)}
        from tensorfleet.training.boosted_model import pack_boosted

        return pack_boosted(self.flavor, self.booster, self.data)


def fit(
    problem: Problem, algorithm: Algorithm, hyperparameters: Mapping[str, Any], context: TaskContext
) -> Fitted:
    """Fits on the problem's training rows, by this process alone."""
    params = algorithm.params(**hyperparameters)
    alone = replace(context, rank=0, world_size=1)
    with quiet():
        if isinstance(algorithm, SklearnAlgorithm):
            return _by_sklearn(problem, algorithm, params, alone)
        return _by_boosting(problem, algorithm, params, alone)


def predicted(problem: Problem, fitted: Fitted, classes: Array | None) -> Array:
    """What it says of the held-out rows: float32 [rows, classes], or float64 [rows] for numbers.

    Args:
        classes: of the whole problem; one that the training rows lacked has the probability 0.

    Raises:
        InvalidInput: something is no finite number.
    """
    import numpy as np

    with quiet():
        own, numbers, chances = predictions(problem, fitted.model)
    if classes is None:
        found = np.asarray(numbers, dtype=np.float64)
    else:
        assert own is not None
        assert chances is not None
        found = np.zeros((len(problem.held_out), len(classes)), dtype=np.float32)
        found[:, np.searchsorted(classes, own)] = chances
    if not np.isfinite(found).all():
        raise InvalidInput("it predicts numbers that are not finite")
    return found


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what libraries print and warn of: it would be said once for each fold of each candidate."""
    from sklearn import config_context

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with config_context(skip_parameter_validation=True):  # `params` has checked them
            yield


def _by_sklearn(problem: Problem, algorithm: SklearnAlgorithm, params: Any, context: TaskContext) -> Fitted:
    from tensorfleet.training.sklearn_trainers import build_pipeline

    training = problem.features[problem.train]
    pipeline = build_pipeline(problem, training, algorithm, params, context)
    pipeline.fit(training, problem.y[problem.train])
    # What a perceptron was trained by, which a file that is not trusted may not hold.
    vars(getattr(pipeline[-1], "regressor_", pipeline[-1])).pop("_optimizer", None)
    return Fitted(pipeline, "sklearn")


def _by_boosting(problem: Problem, algorithm: Algorithm, params: Any, context: TaskContext) -> Fitted:
    from tensorfleet.training import boosted
    from tensorfleet.training.boosted_data import load_rows
    from tensorfleet.training.boosted_model import BoostedModel, open_booster

    boosted.import_library(algorithm)
    one = problem.train[:1]  # rounds are measured on held-out rows, and nobody looks at that
    data = load_rows(replace(problem, held_out=one, validation=None), context, False)
    rounds = cast("Any", _Rounds(params.n_estimators))
    threads = max(1, int(context.cpus))
    work = boosted.Work(data, params, rounds, cast("Any", _Alone()), context.seed, threads)
    booster = boosted.boost(algorithm, work)
    model = BoostedModel(open_booster(algorithm.name, booster), data.prepare, data.classes)
    return Fitted(model, algorithm.name, data, booster)


class _Alone:
    """A meeting of one."""

    rank, world_size = 0, 1


class _Rounds:
    """Rounds of boosting that nobody follows."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.best = total, 0, 0
        self.booster: bytes | None = None
        self.over = False

    def after(self, losses: object, booster: object) -> bool:
        self.done += 1
        return self.done >= self.total


def classes_of(problem: Problem) -> Array | None:
    """The classes that the training rows have; None for numbers."""
    import numpy as np

    return np.unique(problem.y[problem.train]) if problem.task == CLASSIFICATION else None
