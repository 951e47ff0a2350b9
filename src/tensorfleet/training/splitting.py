"""Which rows are trained on, which are held out, and the folds of cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, nearest
from tensorfleet.training.algorithm import CLASSIFICATION

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Array = np.ndarray[Any, Any]

HELD_OUT = 0.2
VALIDATION = 0.1
"""Of the training rows, where a training that may end early has no others to look at."""
RANDOM, STRATIFIED, TIME, GROUP = "random", "stratified", "time", "group"


@dataclass(frozen=True)
class SplitPolicy:
    """The job file's `split`.

    Attributes:
        by: `random`, `stratified`, `time` or `group`; None for stratified where that is possible, else random.
        column: what `time` and `group` go by.
        test, validation: shares of the rows; of the groups when by group.
    """

    by: str | None = None
    column: str | None = None
    test: float = HELD_OUT
    validation: float = 0.0

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> SplitPolicy:
        return cls(**(spec.get("split") or {}))

    def key(self, frame: pl.DataFrame, target: str) -> Array | None:
        """The values that the rows are split by [rows], whole numbers that sort as they do; None when by none.

        Raises:
            DataInvalid: there is no such column, or values are missing in it.
        """
        if self.column is None:
            return None
        if self.column not in frame.columns:
            raise DataInvalid(
                f"split.column: the dataset has no column '{self.column}'; {nearest(self.column, frame.columns)}"
            )
        if self.column == target:
            raise DataInvalid(f"split.column is '{target}', the target; split by another column")
        values = frame[self.column]
        if values.null_count():
            raise DataInvalid(
                f"split.column: '{self.column}' is missing in {values.null_count()} rows; fill them in"
            )
        if values.dtype.is_nested():
            raise DataInvalid(
                f"split.column: '{self.column}' holds {values.dtype}; take numbers, texts or dates"
            )
        ranks: Array = values.rank("dense").to_numpy()
        return ranks


@dataclass(frozen=True)
class Parts:
    """Positions of the rows of each part, and what they were split by."""

    train: Array
    validation: Array
    test: Array
    by: str


def divide(y: Array, task: str, policy: SplitPolicy, key: Array | None, seed: int) -> Parts:
    """Splits the rows.

    Raises:
        DataInvalid: they cannot be split like that; the message says why.
    """
    import numpy as np

    by = policy.by
    rows = np.arange(len(y))
    if by == TIME:
        assert key is not None
        return _in_order(np.argsort(key, kind="stable"), policy)
    if by == GROUP:
        assert key is not None
        return _by_group(rows, key, policy, seed)
    stratify = _classes_to_keep(y, task, policy)
    train, test = _cut(rows, policy.test, seed, stratify)
    validation = rows[:0]
    if policy.validation:
        inner = None if stratify is None else stratify[train]
        train, validation = _cut(train, policy.validation / (1 - policy.test), seed, inner)
    return Parts(train, validation, test, RANDOM if stratify is None else STRATIFIED)


def _cut(rows: Array, share: float, seed: int, stratify: Array | None) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    try:
        kept, cut = train_test_split(rows, test_size=share, random_state=seed, stratify=stratify)
    except ValueError as error:
        raise DataInvalid(f"split: {len(rows)} rows cannot be split like that: {error}") from error
    return kept, cut


def _classes_to_keep(y: Array, task: str, policy: SplitPolicy) -> Array | None:
    """The classes whose shares all parts shall keep; None for a split that does not look at them."""
    import numpy as np

    if policy.by == RANDOM:
        return None
    if task != CLASSIFICATION:
        if policy.by == STRATIFIED:
            raise DataInvalid("split.by is stratified, but the target holds numbers; write random")
        return None
    counts = np.unique(y, return_counts=True)[1]
    held_out = int(np.ceil(policy.test * len(y)))
    if counts.min() >= 2 and min(held_out, len(y) - held_out) >= len(counts):
        return y
    if policy.by == STRATIFIED:
        raise DataInvalid(
            f"split.by is stratified, but the rarest of {len(counts)} classes has {counts.min()} rows; write random"
        )
    print("the held-out rows are not stratified: a class has too few rows", flush=True)
    return None


def _in_order(order: Array, policy: SplitPolicy) -> Parts:
    """The newest rows are tested on, those before them validated on."""
    import numpy as np

    count = len(order)
    test, validation = int(np.ceil(policy.test * count)), int(np.ceil(policy.validation * count))
    train = count - test - validation
    if train < 1:
        raise DataInvalid(f"split: of {count} rows none is left to train on")
    return Parts(order[:train], order[train : train + validation], order[train + validation :], TIME)


def _by_group(rows: Array, key: Array, policy: SplitPolicy, seed: int) -> Parts:
    """Whole groups: none is in two parts."""
    from sklearn.model_selection import GroupShuffleSplit

    def cut(some: Array, share: float) -> tuple[Array, Array]:
        try:
            kept, gone = next(
                GroupShuffleSplit(1, test_size=share, random_state=seed).split(some, groups=key[some])
            )
        except ValueError as error:
            raise DataInvalid(f"split.by is group, but there are too few groups: {error}") from error
        return some[kept], some[gone]

    train, test = cut(rows, policy.test)
    validation = rows[:0]
    if policy.validation:
        train, validation = cut(train, policy.validation / (1 - policy.test))
    return Parts(train, validation, test, GROUP)


def kept_back(rows: Array, key: Array | None, by: str | None, share: float, seed: int) -> tuple[Array, Array]:
    """Positions to train on, and the `share` of `rows` on which is seen when to stop: cut off as the dataset was split.

    Raises:
        DataInvalid: there are too few.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    if by == TIME and key is not None:
        order = rows[np.argsort(-key[rows], kind="stable")]
    elif by == GROUP and key is not None:
        groups = random.permutation(np.unique(key[rows]))
        gone = np.isin(key[rows], groups[: max(1, round(share * len(groups)))])
        order, share = np.concatenate([rows[gone], rows[~gone]]), gone.mean()
    else:
        order = random.permutation(rows)
    count = max(1, round(share * len(order)))
    if count >= len(order):
        raise DataInvalid(f"{len(order)} training rows are too few to keep some of them for early stopping")
    return order[count:], order[:count]


def fold_rows(
    rows: Array, y: Array, key: Array | None, by: str, folds: int, seed: int
) -> list[tuple[Array, Array]]:
    """Positions (train, test) of each fold of `rows`, which are split as the dataset was.

    Raises:
        DataInvalid: there are too few rows, classes or groups for so many folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

    if by == TIME:
        assert key is not None
        rows = rows[key[rows].argsort(kind="stable")]
    kinds = {
        RANDOM: KFold(folds, shuffle=True, random_state=seed),
        STRATIFIED: StratifiedKFold(folds, shuffle=True, random_state=seed),
        TIME: TimeSeriesSplit(folds),
        GROUP: GroupKFold(folds),
    }
    groups = key[rows] if key is not None and by == GROUP else None
    try:
        found = list(kinds[by].split(rows, y[rows], groups))
    except ValueError as error:
        raise DataInvalid(
            f"evaluation.folds is {folds}, too many for these rows: {str(error).splitlines()[0]}"
        ) from error
    return [(rows[train], rows[test]) for train, test in found]
