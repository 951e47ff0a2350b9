"""A dataset as a learning problem: which column is predicted, from which, and which rows are held out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.datasets.model import NULL_VALUES, guess_target
from tensorfleet.datasets.samples import SAMPLES, sample_csv
from tensorfleet.errors import DataInvalid, InvalidInput, nearest
from tensorfleet.kit.files import write_atomic
from tensorfleet.training.algorithm import CLASSIFICATION, REGRESSION, Algorithm
from tensorfleet.training.splitting import GROUP, VALIDATION, Parts, SplitPolicy, divide, kept_back
from tensorfleet.training.splitting import HELD_OUT as HELD_OUT

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

MOST_INTEGER_CLASSES = 20
MOST_GROUPS = 1000
FEWEST_ROWS = 5
MOST_NUMBER = 1e38


@dataclass(frozen=True)
class Source:
    """Where a dataset's file lies, and what is known of its columns."""

    name: str
    path: Path
    format: str
    target: str | None
    columns: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Problem:
    """What a built-in trains on.

    Attributes:
        target: the column to predict; None when there is none.
        features: [rows, columns], without the target and without rows whose target is missing.
        y: [rows]; strings, integers or booleans for classification, float64 for regression; empty without a target.
        rows: [rows], the row number of each in the file, from 0.
        train, held_out: positions in `features` and `y`.
        validation: positions that are in neither of the two; None for none.
        key: [rows], what the rows are split by when by time or group, as whole numbers.
        split: how they were split, as it is recorded with the job.
    """

    task: str
    target: str | None
    features: pl.DataFrame
    y: Array
    rows: Array
    train: Array
    held_out: Array
    validation: Array | None = None
    key: Array | None = None
    split: dict[str, Any] = field(default_factory=dict)

    @property
    def watched(self) -> Array:
        """Positions on which a training is measured while it runs: never the held-out ones where it is steered by that."""
        return self.validation if self.validation is not None and len(self.validation) else self.held_out

    def with_validation(self, seed: int, share: float = VALIDATION) -> Problem:
        """The same with validation rows: those of the split, else a share of the training rows.

        What is chosen by looking at rows, such as the epoch at which training ends, is not worth on them what it seems to be.

        Raises:
            DataInvalid: there are too few training rows.
        """
        if self.validation is not None and len(self.validation):
            return self
        train, validation = kept_back(self.train, self.key, self.split.get("by"), share, seed)
        rows = {**self.split.get("rows", {}), "train": len(train), "validation": len(validation)}
        return replace(self, train=train, validation=validation, split={**self.split, "rows": rows})


def locate(session: Session) -> Source:
    """The job's dataset as a local file.

    Raises:
        InvalidInput: the job has none.
    """

    context = session.context
    if context.by_hand:
        return _locate_by_hand(context.cache_dir)
    dataset = context.dataset
    if dataset is None:
        raise InvalidInput("this job has no dataset; name one with dataset: in the job file")
    path = session.fetch(dataset["digest"], f"dataset {dataset['name']}")
    target = context.spec.get("target_column") or dataset.get("target")
    return Source(dataset["name"], path, dataset["format"], target, tuple(dataset.get("columns") or ()))


def _locate_by_hand(cache_dir: Path) -> Source:
    name = os.environ.get("TENSORFLEET_DATASET")
    if not name:
        raise InvalidInput(
            "there is no dataset; set TENSORFLEET_DATASET to a file or to a sample such as iris"
        )
    if name in SAMPLES and not Path(name).exists():
        return _sample(name, cache_dir)
    path = Path(name)
    if not path.is_file():
        raise InvalidInput(f"TENSORFLEET_DATASET: there is no file '{name}'; {nearest(name, SAMPLES)}")
    form = "parquet" if path.suffix.lower() in (".parquet", ".pq") else "csv"
    return Source(path.stem, path, form, os.environ.get("TENSORFLEET_TARGET"))


def _sample(name: str, cache_dir: Path) -> Source:
    path = cache_dir / f"{name}.csv"
    if not path.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        write_atomic(path, sample_csv(name), durable=False)
    return Source(name, path, "csv", SAMPLES[name].target)


def read_table(source: Source) -> pl.DataFrame:
    """The whole file.

    Raises:
        DataInvalid: it cannot be read.
    """
    import polars as pl

    try:
        if source.format == "parquet":
            return pl.read_parquet(source.path)
        numeric = {"number": pl.Float64, "integer": pl.Int64}
        overrides = {c["name"]: numeric[c["type"]] for c in source.columns if c["type"] in numeric}
        return pl.read_csv(
            source.path,
            schema_overrides=overrides,
            null_values=list(NULL_VALUES),
            try_parse_dates=True,
            infer_schema_length=10_000,
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataInvalid(f"dataset '{source.name}' cannot be read as {source.format}: {reason}") from error


def load_problem(session: Session, algorithm: Algorithm) -> Problem:
    """Reads the job's dataset and splits it.

    Raises:
        DataInvalid: nothing can be learned from it; the message says why.
    """
    import numpy as np

    source = locate(session)
    frame = read_table(source)
    target = source.target or detect_target(frame.columns)
    if target not in frame.columns:
        hint = nearest(target, frame.columns)
        raise DataInvalid(f"dataset '{source.name}' has no column '{target}' to predict; {hint}")
    if frame.width < 2:
        raise DataInvalid(
            f"dataset '{source.name}' has only the column '{target}'; there is nothing to predict it from"
        )
    frame, rows = _with_target(frame, target, source.name)
    task, y = target_values(frame[target], algorithm)
    policy, seed = SplitPolicy.of(session.context.spec), session.context.seed
    key = policy.key(frame, target)
    # Who a row belongs to is not known of a new one, or says nothing about it.
    left_out = [target, *([policy.column] if policy.column and policy.by == GROUP else [])]
    features = _plain_numbers(frame.drop(left_out))
    parts = divide(y, task, policy, key, seed)
    train = parts.train
    if task == CLASSIFICATION and len(np.unique(y[train])) < 2:
        raise DataInvalid(
            f"target column '{target}' has one class only among the training rows; two are needed"
        )
    return Problem(
        task,
        target,
        features,
        y,
        rows,
        train,
        parts.test,
        parts.validation,
        key,
        _described(parts, policy, seed),
    )


def _described(parts: Parts, policy: SplitPolicy, seed: int) -> dict[str, Any]:
    rows = {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}
    by = {"by": parts.by} | ({"column": policy.column} if policy.column else {})
    return by | {"seed": seed, "test": policy.test, "validation": policy.validation, "rows": rows}


def load_rows(session: Session, algorithm: Algorithm) -> Problem:
    """Reads the job's dataset for an algorithm without a target: all rows are trained on, none is held out.

    A target that the dataset or the job names is not learned from.  Where its values are classes they are in `y`.

    Raises:
        DataInvalid: nothing can be learned from it; the message says why.
    """
    import numpy as np

    source = locate(session)
    frame = read_table(source)
    target = source.target
    if target is not None and target not in frame.columns:
        raise DataInvalid(
            f"dataset '{source.name}' has no column '{target}'; {nearest(target, frame.columns)}"
        )
    if frame.height < FEWEST_ROWS:
        raise DataInvalid(
            f"dataset '{source.name}' has {frame.height} rows; at least {FEWEST_ROWS} are needed"
        )
    features = _plain_numbers(frame.drop(target) if target else frame)
    y = _known_groups(frame[target]) if target else np.empty(0)
    rows = np.arange(frame.height)
    return Problem(algorithm.tasks[0], target, features, y, rows, rows, rows[:0])


def _known_groups(target: pl.Series) -> Array:
    """The target's values where they can be groups: none missing, no fractions, not too many; else none."""
    import numpy as np
    import polars as pl

    kind = target.dtype
    fractions = kind.is_float() and not bool((target.round() == target).all())
    if target.null_count() or fractions or kind.is_temporal() or kind.is_nested():
        return np.empty(0)
    if target.n_unique() > min(MOST_GROUPS, target.len() // 2):
        return np.empty(0)
    return target.cast(pl.Int64).to_numpy() if kind.is_numeric() else _labels(target)


def detect_target(columns: list[str]) -> str:
    """The column that a dataset most likely is about: one of the usual names, else the last."""
    found = guess_target(columns) or columns[-1]
    print(f"target column: '{found}' (detected; target_column in the job file sets it)", flush=True)
    return found


def _with_target(frame: pl.DataFrame, target: str, name: str) -> tuple[pl.DataFrame, Array]:
    import numpy as np

    column = frame[target]
    if column.dtype.is_float():
        present = np.isfinite(column.to_numpy())
    else:
        present = (
            column.is_not_null().to_numpy() if column.null_count() else np.ones(frame.height, dtype=bool)
        )
    kept = int(present.sum())
    if kept < FEWEST_ROWS:
        if frame.height and not kept:
            raise DataInvalid(
                f"target column '{target}' of dataset '{name}' is missing in all {frame.height} rows"
            )
        raise DataInvalid(
            f"dataset '{name}' has {kept} rows with a target; at least {FEWEST_ROWS} are needed"
        )
    rows = np.flatnonzero(present)
    if kept == frame.height:
        return frame, rows
    print(f"{frame.height - kept} rows without a target are left out", flush=True)
    return frame[rows], rows


def target_values(target: pl.Series, algorithm: Algorithm) -> tuple[str, Array]:
    """The task, by the target's type and what the algorithm can do, and the target [rows] as it needs it.

    Raises:
        DataInvalid: the algorithm cannot predict such a target.
    """
    import numpy as np
    import polars as pl

    kind = target.dtype
    if kind.is_temporal() or kind.is_nested() or kind == pl.Binary:
        raise DataInvalid(
            f"target column '{target.name}' holds {kind}; a target is numbers, texts or booleans"
        )
    numeric = kind.is_numeric()
    if numeric:
        _check_size(target)
    values = target.cast(pl.Float64).to_numpy() if numeric else _labels(target)
    whole = not numeric or bool((np.rint(values) == values).all())
    classes = len(np.unique(values))
    task = algorithm.tasks[0]
    if len(algorithm.tasks) > 1:
        task = CLASSIFICATION if not numeric or (whole and classes <= MOST_INTEGER_CLASSES) else REGRESSION
    if task == CLASSIFICATION:
        _check_classes(target, algorithm, whole, classes)
        return task, values.astype(np.int64) if numeric else values
    if not numeric:
        raise DataInvalid(f"target column '{target.name}' holds {kind}; {algorithm.name} predicts numbers")
    return task, values


def _labels(target: pl.Series) -> Array:
    import numpy as np
    import polars as pl

    if target.dtype == pl.Boolean:
        return target.to_numpy()
    return np.array(target.cast(pl.String).to_list(), dtype=np.str_)


def _check_classes(target: pl.Series, algorithm: Algorithm, whole: bool, classes: int) -> None:
    if not whole:
        raise DataInvalid(
            f"target column '{target.name}' holds numbers with fractions; {algorithm.name} predicts classes"
            " (for numbers use linear_regression, random_forest or another algorithm for regression)"
        )
    if classes < 2:
        raise DataInvalid(f"target column '{target.name}' has one class only, '{target[0]}'; two are needed")
    if classes > target.len() // 2:
        raise DataInvalid(
            f"target column '{target.name}' has {classes} different values in {target.len()} rows;"
            " these are no classes"
        )


def _check_size(column: pl.Series) -> None:
    """Refuses finite numbers whose squares, or whose 32 bits, would be infinite in the middle of a training."""
    import polars as pl

    if column.dtype != pl.Float64:
        return
    size = column.abs()
    if (size.max() or 0.0) <= MOST_NUMBER:  # type: ignore[operator]
        return
    largest: Any = size.filter(size.is_finite()).max()
    if largest is not None and largest > MOST_NUMBER:
        raise DataInvalid(
            f"column '{column.name}' holds a number as large as {largest:.3g}, which cannot be computed with;"
            " leave the column out, or take its logarithm"
        )


def _plain_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """NaN and infinite numbers become missing ones, booleans with gaps numbers; the rest stays."""
    import polars as pl

    booleans = [c.name for c in frame.iter_columns() if c.dtype == pl.Boolean and c.null_count()]
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    finite = frame.select(pl.col(floats).is_finite().all()).row(0) if floats else ()
    odd = [name for name, good in zip(floats, finite, strict=True) if not good]
    for name in floats:
        _check_size(frame[name])
    if odd:
        print(f"numbers that are not finite count as missing in: {', '.join(odd)}", flush=True)
    if not odd and not booleans:
        return frame
    return frame.with_columns(
        *(pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c) for c in odd),
        pl.col(booleans).cast(pl.Float64),
    )
