"""What the candidates of `auto` are measured by, and how its ranks tell each other of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, TensorFleetError
from tensorfleet.training import auto_fitting, checkpoints, splitting
from tensorfleet.training.algorithm import CLASSIFICATION

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.data import Problem
    from tensorfleet.training.meeting import Meeting

    Array = np.ndarray[Any, Any]

FOLDS = 5
ONE_FOLD_ROWS = 50_000


@dataclass(frozen=True)
class Exam:
    """What candidates are measured by.

    Attributes:
        folds: (train, test), positions in the problem.
        truth: of the tested rows of all folds, one after the other: numbers of classes, or the target itself.
    """

    problem: Problem
    classes: Array | None
    metric: str
    folds: list[tuple[Array, Array]]
    truth: Array

    @property
    def sizes(self) -> list[int]:
        return [len(test) for _, test in self.folds]


def exam_of(problem: Problem, metric: str, folds: int | None, seed: int) -> Exam:
    """The folds of the training rows, which are split as the dataset was; of many rows only the first one.

    Raises:
        DataInvalid: there are too few rows, classes or groups.
    """
    import warnings

    import numpy as np

    by, rows = problem.split["by"], problem.train
    most, what = _most_folds(problem, by)
    count = folds or min(FOLDS, most)
    if not 2 <= count <= most:
        asked = f"hyperparameters.folds is {folds}, but there are" if folds else "there are only"
        raise DataInvalid(f"{asked} {most} {what}; two at least and as many as folds are needed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with fewer rows than folds is missing in some
        found = splitting.fold_rows(rows, problem.y, problem.key, by, count, seed)
    if folds is None and len(rows) > ONE_FOLD_ROWS:
        found = found[:1]
    classes = auto_fitting.classes_of(problem)
    truth = problem.y[np.concatenate([test for _, test in found])]
    return Exam(
        problem, classes, metric, found, truth if classes is None else np.searchsorted(classes, truth)
    )


def _most_folds(problem: Problem, by: str) -> tuple[int, str]:
    import numpy as np

    rows = problem.train
    if by == splitting.GROUP and problem.key is not None:
        return len(np.unique(problem.key[rows])), "groups to train on"
    if by == splitting.STRATIFIED and problem.task == CLASSIFICATION:
        return int(
            np.unique(problem.y[rows], return_counts=True)[1].max()
        ), "training rows of the largest class"
    return len(rows) - (by == splitting.TIME), "training rows"


def gather(meeting: Meeting, value: Any) -> list[Any] | None:
    """On rank 0 what each rank gave (see `checkpoints.freeze`); None on the others."""
    said = meeting.gather(checkpoints.encode(value))
    return None if said is None else [checkpoints.decode(one) for one in said]


def broadcast(meeting: Meeting, value: Any) -> Any:
    """What rank 0 gave, on all ranks."""
    return checkpoints.decode(meeting.broadcast(None if meeting.rank else checkpoints.encode(value)))


def said(error: Exception) -> str:
    """In one line, why a candidate failed."""
    lines = (error.detail if isinstance(error, TensorFleetError) else str(error)).strip().splitlines()
    text = lines[0] if lines else ""
    return (text if isinstance(error, TensorFleetError | ValueError) else f"{type(error).__name__}: {text}")[
        :300
    ]
