"""Model folders as something that predicts.

A model folder may come from anyone: only types on a fixed list are ever made from a file, and what it says of
trees is checked before it is used.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tensorfleet.errors import InvalidInput, nearest
from tensorfleet.training.artifacts import BOOSTED_PACKAGES, SKOPS_FILE, TRUSTED_TYPES

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Array = np.ndarray[Any, Any]

_MOST_UNPACKED_BYTES = 8 * 1024**3


class Estimator(Protocol):
    """What a scikit-learn pipeline and our networks have in common."""

    def predict(self, X: Any) -> Array: ...


class Predictor:
    """A loaded model.

    Attributes:
        task: `classification`, `regression`, `clustering`, `anomaly_detection` or `dimensionality_reduction`.
        target: the column that it predicts; None where it was trained without one.
        classes: its classes, None where it predicts something else.
        columns: the columns that it needs, in order, as `{"name", "type"}`.
    """

    def __init__(self, estimator: Estimator, about: dict[str, Any], columns: list[dict[str, str]]) -> None:
        self.estimator = estimator
        self.task: str = about["task"]
        self.target: str | None = about["target"]
        self.classes: list[Any] | None = about["classes"]
        self.columns = columns

    def predict(self, data: Any) -> Array:
        """Labels or numbers, one for each row.

        Clusters are counted from 0, and -1 is noise; anomalies are -1, other rows 1; a reduction gives an array
        [rows, components].

        Args:
            data: a polars or pandas frame, a dict of columns (or of one row's values), a list of dicts, or an
                array or a list of lists with the columns in the model's order.

        Raises:
            InvalidInput: a column is missing or holds something of another type.
        """
        frame = self._frame(data)
        with _missing_told(frame):
            return self.estimator.predict(frame)

    def predict_proba(self, data: Any) -> Array:
        """Probabilities [rows, classes], the classes in the order of `classes`.

        Raises:
            InvalidInput: the model has none (regression, SVM), or as `predict`.
        """
        if not hasattr(self.estimator, "predict_proba"):
            raise InvalidInput("this model gives no probabilities; use predict")
        frame = self._frame(data)
        with _missing_told(frame):
            found: Array = self.estimator.predict_proba(frame)
        return found

    def _frame(self, data: Any) -> pl.DataFrame:
        import polars as pl

        given = _as_columns(data, [column["name"] for column in self.columns])
        series = []
        for column in self.columns:
            name = column["name"]
            if name not in given:
                raise InvalidInput(f"column '{name}' is missing; {nearest(name, map(str, given))}")
            series.append(_series(name, column["type"], given[name]))
        if len({len(one) for one in series}) > 1:
            raise InvalidInput("the columns have different lengths")
        return pl.DataFrame(series)


@contextmanager
def _missing_told(frame: pl.DataFrame) -> Iterator[None]:
    """Says in a sentence which value is missing, to a model that was trained without gaps and can fill none."""
    try:
        yield
    except ValueError as error:
        for column in frame.iter_columns():
            gaps = column.is_null() | column.is_nan() if column.dtype.is_float() else column.is_null()
            if (row := gaps.arg_max()) is not None and gaps[row]:
                raise InvalidInput(
                    f"column '{column.name}' is missing in row {row}, and the model was trained without gaps; fill it in"
                ) from error
        raise


def load_model(folder: str | Path) -> Predictor:
    """The model in an MLflow model folder that a job of ours wrote.

    Raises:
        InvalidInput: it is not such a folder, or holds what is not allowed in one.
    """
    import yaml

    from tensorfleet.kit.bounded_yaml import load_bounded

    folder = Path(folder)
    try:
        described = load_bounded((folder / "MLmodel").read_bytes())
        about = described["metadata"]["tensorfleet"]
        columns = json.loads(described["signature"]["inputs"])
        return Predictor(load_estimator(folder, about["flavor"]), about, columns)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"{folder} holds no model that TensorFleet wrote ({type(error).__name__}: {error})"
        ) from error


def load_skops(data: bytes) -> Any:
    """The object in skops bytes, made of allowed types only.

    Raises:
        InvalidInput: it holds another type, or a tree that points outside itself.
    """
    from skops.io import loads
    from skops.io.exceptions import UntrustedTypesFoundException

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(item.file_size for item in archive.infolist()) > _MOST_UNPACKED_BYTES:
            raise InvalidInput("the model unpacks to more than 8 GiB")
    try:
        loaded = loads(data, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise InvalidInput(f"the model holds types that are not allowed: {error}") from error
    _check_trees(loaded)
    return loaded


def load_estimator(folder: Path, flavor: str) -> Estimator:
    """What a model folder of this flavor predicts with."""
    if flavor == "ensemble":
        from tensorfleet.training.ensemble import load_ensemble

        return load_ensemble(folder, load_estimator)
    if flavor == "torch":
        from tensorfleet.training.network import load_network

        return load_network(folder, load_skops)
    if flavor in BOOSTED_PACKAGES:
        from tensorfleet.training.boosted_model import load_boosted

        return load_boosted(folder, load_skops)
    pipeline: Estimator = load_skops((folder / SKOPS_FILE).read_bytes())
    return pipeline


def _check_trees(value: Any, width: float = math.inf, seen: set[tuple[int, float]] | None = None) -> None:
    """Looks at every tree in the object, wherever it is.

    scikit-learn follows a tree's node and column numbers without checking them; a crafted file could crash us.
    """
    seen = set() if seen is None else seen
    if type(value).__name__ == "Tree":
        nodes = value.__getstate__()["nodes"]
        left, right = nodes["left_child"], nodes["right_child"]
        _check_tree(left, right, nodes["feature"], left >= 0, width)
        return
    if type(value).__name__ == "TreePredictor":
        nodes = value.nodes
        if nodes["is_categorical"].any():
            raise InvalidInput("the model holds a tree over categories, which none of ours does")
        _check_tree(nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"] == 0, width)
        return
    if type(value).__name__ == "KMeans":
        _check_centres(value)
    if (id(value), width) in seen:
        return
    seen.add((id(value), width))
    attributes = getattr(value, "__dict__", {})
    columns = attributes.get("n_features_in_")
    if isinstance(columns, int):
        width = min(width, columns)
    for inner in _parts(value):
        _check_trees(inner, width, seen)


def _check_centres(model: Any) -> None:
    """scikit-learn's compiled code reads as many numbers of each centre as a row has, with as many threads as the model says."""
    import numpy as np

    centres, columns = getattr(model, "cluster_centers_", None), getattr(model, "n_features_in_", None)
    if centres is None:
        return
    fits = isinstance(centres, np.ndarray) and centres.ndim == 2 and centres.shape[1] == columns
    if not fits or not len(centres) or centres.dtype not in (np.float32, np.float64):
        raise InvalidInput("the model holds centres of clusters that do not fit its columns")
    model._n_threads = 1


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set):
        return value
    if type(value).__name__ == "ndarray":
        return value.ravel().tolist() if value.dtype == object else ()
    return list(getattr(value, "__dict__", {}).values())


def _check_tree(left: Array, right: Array, feature: Array, inner: Array, width: float) -> None:
    import numpy as np

    if not len(left):
        raise InvalidInput("the model holds a tree without nodes")
    numbers = np.arange(len(left))[inner]
    # Children follow their parent in both formats, so a tree that passes also ends.
    for children in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if not ((children > numbers) & (children < len(left))).all():
            raise InvalidInput("the model holds a tree whose nodes point outside it")
    if not ((feature[inner] >= 0) & (feature[inner] < width)).all():
        raise InvalidInput("the model holds a tree that asks for columns that do not exist")


def _as_columns(data: Any, names: list[str]) -> Mapping[str, Any]:
    """Columns by name, whatever form they come in."""
    import numpy as np

    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        return {str(name): data[name] for name in data.columns}
    if isinstance(data, Mapping):
        alone = not any(
            isinstance(v, Sequence | np.ndarray) and not isinstance(v, str) for v in data.values()
        )
        return {name: [value] for name, value in data.items()} if alone else data
    if isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        keys = dict.fromkeys(key for row in data for key in row)
        return {key: [row.get(key) for row in data] for key in keys}
    rows = np.asarray(data) if isinstance(data, np.ndarray) else np.array(data, dtype=object)
    if rows.ndim == 1 and len(rows) == len(names):
        rows = rows.reshape(1, -1)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise InvalidInput(f"the data has shape {rows.shape}; the model needs rows of {len(names)} columns")
    return {name: rows[:, index] for index, name in enumerate(names)}


def _series(name: str, kind: str, values: Any) -> pl.Series:
    import polars as pl

    wanted = {
        "double": pl.Float64,
        "boolean": pl.Boolean,
        "datetime": pl.Datetime,
        "string": pl.String,
        "binary": pl.Binary,
    }[kind]
    try:
        series = values if isinstance(values, pl.Series) else pl.Series(name, _plain(values), strict=False)
        if kind == "string" and series.dtype.is_float() and bool((series.round() == series).all()):
            series = series.cast(pl.Int64)
        if kind == "datetime" and series.dtype == pl.String:
            return series.str.to_datetime(strict=True).alias(name)
        if kind == "binary" and series.dtype == pl.String:
            return series.str.decode("base64").alias(name)
        return series.cast(wanted).alias(name)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        shown = str(list(values)[:3])[:80]
        raise InvalidInput(f"column '{name}' needs values of type {kind}, but holds {shown}") from error


def _plain(values: Any) -> Any:
    """A list or numpy array; pandas' own missing values become None."""
    import numpy as np

    array = values.to_numpy() if hasattr(values, "to_numpy") else values
    if not isinstance(array, np.ndarray):
        array = list(array)
    if isinstance(array, np.ndarray) and array.dtype.kind != "O":
        return array
    return [
        None if value is None or value != value or type(value).__name__ in ("NAType", "NaTType") else value
        for value in array
    ]
