"""The rows that one rank boosts on, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid
from tensorfleet.training import preprocessing
from tensorfleet.training.algorithm import CLASSIFICATION

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from tensorfleet.training.context import TaskContext
    from tensorfleet.training.data import Problem

    Array = np.ndarray[Any, Any]

TRAIN, VALIDATION, HELD_OUT = "train", "validation", "held_out"


@dataclass(frozen=True)
class Rows:
    """x: [rows, columns], missing numbers as NaN; y: [rows], numbers of classes, or the target itself."""

    x: Array
    y: Array


@dataclass(frozen=True)
class BoostingData:
    """This rank's part of a problem.

    Attributes:
        train: what trees are grown on; disjoint between the ranks.
        watched: by name, rows on which each round is measured: `held_out`, and `validation` where training may end early.
        prepare: the fitted transformer from columns to numbers, the same on all ranks; None where columns are numbers.
        classes: [classes] for classification, None for regression.
    """

    train: Rows
    watched: dict[str, Rows]
    prepare: Any
    classes: Array | None

    @property
    def task(self) -> str:
        return "regression" if self.classes is None else CLASSIFICATION


def load_rows(problem: Problem, context: TaskContext, watch_validation: bool) -> BoostingData:
    """This rank's rows.

    The transformer is fitted on all training rows by every rank, so all have the same one without a word between them.

    Raises:
        DataInvalid: there are fewer rows than ranks, or no column is left.
    """
    import numpy as np

    train = problem.train
    if len(train) < context.world_size:
        raise DataInvalid(f"{len(train)} training rows are too few for {context.world_size} workers")
    classes = np.unique(problem.y[train]) if problem.task == CLASSIFICATION else None
    prepare = _prepare(problem, train)

    def rows(positions: Array) -> Rows:
        mine = share(_known(problem, positions, classes), context.rank, context.world_size)
        y = problem.y[mine]
        return Rows(
            as_numbers(prepare, problem.features[mine]), y if classes is None else np.searchsorted(classes, y)
        )

    watched = {HELD_OUT: problem.held_out}
    if watch_validation and problem.validation is not None:
        watched[VALIDATION] = problem.validation
    return BoostingData(
        rows(train),
        {name: found for name, positions in watched.items() if len((found := rows(positions)).y)},
        prepare,
        classes,
    )


def as_numbers(prepare: Any, frame: pl.DataFrame) -> Array:
    """float64 [rows, columns]."""
    import numpy as np

    numbers = frame.to_numpy() if prepare is None else prepare.transform(frame)
    return np.ascontiguousarray(numbers, dtype=np.float64)


def share(positions: Array, rank: int, world_size: int) -> Array:
    """A rank's part of the rows; of fewer rows than ranks each has all, so that none has none."""
    return positions if len(positions) < world_size else positions[rank::world_size]


def _prepare(problem: Problem, train: Array) -> Any:
    frame = problem.features[train]
    kinds = preprocessing.column_kinds(frame)
    if not kinds:
        raise DataInvalid(f"no column is left to predict '{problem.target}' from")
    prepare = preprocessing.build(frame, kinds, scale=False, dense=True, nan=True)
    return None if prepare is None else prepare.fit(frame)


def _known(problem: Problem, positions: Array, classes: Array | None) -> Array:
    """Without the rows of classes that no training row has: no loss can be measured on them."""
    import numpy as np

    return positions if classes is None else positions[np.isin(problem.y[positions], classes)]
