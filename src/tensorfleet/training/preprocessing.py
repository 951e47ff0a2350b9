"""From columns of any type to the numbers that an estimator takes, chosen by what the columns hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    import polars as pl

NUMBER, CATEGORY, TEXT, DATE = "number", "category", "text", "date"
MOST_CATEGORIES = 100
MOST_WORDS = 1000
_CATEGORY_SURE = 50
"""A text column with at most so many different values holds categories, whatever they look like."""


class AsText(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Values of any type as strings, missing ones as ''; the shape stays: [rows] or [rows, columns]."""

    def fit(self, X: Any, y: Any = None) -> AsText:
        return self

    def transform(self, X: Any) -> Any:
        values = np.asarray(X, dtype=object)
        missing = np.frompyfunc(lambda v: v is None or v != v or v is _pandas_na(v), 1, 1)(values).astype(
            bool
        )
        texts = values.astype(str).astype(object)
        texts[missing] = ""
        return texts

    def __sklearn_is_fitted__(self) -> bool:
        return True


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Each column of dates as days since 1970, month, weekday, hour; missing as NaN.  [rows, 4 * columns]"""

    def fit(self, X: Any, y: Any = None) -> DateParts:
        return self

    def transform(self, X: Any) -> Any:
        columns = np.asarray(X).astype("datetime64[s]")
        seconds = columns.astype("int64")
        days = seconds / 86_400
        months = columns.astype("datetime64[M]").astype("int64") % 12 + 1
        weekdays = (seconds // 86_400 + 3) % 7
        parts = np.concatenate([days, months, weekdays, seconds % 86_400 // 3600], axis=1).astype(float)
        parts[np.tile(np.isnat(columns), 4)] = np.nan
        return parts

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _pandas_na(value: Any) -> Any:
    return value if type(value).__name__ in ("NAType", "NaTType") else None


def column_kinds(frame: pl.DataFrame) -> dict[str, str]:
    """What each usable column holds; prints one line for each that is left out."""
    kinds = {}
    for column in frame.iter_columns():
        kind, reason = _kind(column)
        if reason:
            print(f"column '{column.name}' is left out: {reason}", flush=True)
        else:
            kinds[column.name] = kind
    return kinds


def _kind(column: pl.Series) -> tuple[str, str]:
    import polars as pl

    dtype = column.dtype
    if column.null_count() == column.len():
        return "", "it is empty"
    # A constant number changes nothing, and leaving it out would change which columns a forest draws.
    if dtype.is_numeric() or dtype == pl.Boolean:
        return NUMBER, ""
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return "", f"it holds {dtype}"
    unique = column.drop_nulls().n_unique()
    if unique == 1:
        return "", "it is constant"
    if dtype in (pl.Date, pl.Datetime):
        return DATE, ""
    texts = column.drop_nulls().cast(pl.String)
    if unique <= _CATEGORY_SURE and unique <= max(2, texts.len() // 2):
        return CATEGORY, ""
    if float((texts.str.count_matches(r"\s") >= 2).mean() or 0) >= 0.5:  # type: ignore[arg-type]
        return TEXT, ""
    return ("", "it looks like an identifier") if unique > 0.9 * texts.len() else (CATEGORY, "")


def build(
    frame: pl.DataFrame,
    kinds: dict[str, str],
    *,
    scale: bool,
    dense: bool,
    nan: bool = False,
    gaps: pl.DataFrame | None = None,
) -> Any:
    """The unfitted transformer for these columns, or None where the numbers can be used as they are.

    Args:
        frame: the training rows.
        scale: the algorithm wants numbers of mean 0 and variance 1.
        dense: the algorithm cannot take sparse matrices.
        nan: the algorithm takes missing numbers as they are.
        gaps: more rows, whose missing numbers are to be filled in too.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import StandardScaler

    numbers = [name for name, kind in kinds.items() if kind == NUMBER]
    known = frame if gaps is None else gaps
    impute = not nan and any(frame[name].null_count() or known[name].null_count() for name in numbers)
    if len(numbers) == frame.width and not impute:
        return StandardScaler() if scale else None
    parts: list[tuple[str, Any, Any]] = []
    if numbers:
        parts.append(("numbers", _numeric(impute, scale), numbers))
    categories = [name for name, kind in kinds.items() if kind == CATEGORY]
    if categories:
        parts.append(("categories", _categorical(), categories))
    dates = [name for name, kind in kinds.items() if kind == DATE]
    if dates:
        parts.append(("dates", _dates(scale), dates))
    parts += [(f"text {name}", _text(), name) for name, kind in kinds.items() if kind == TEXT]
    return ColumnTransformer(parts, sparse_threshold=0.0 if dense else 0.3)


def _numeric(impute: bool, scale: bool) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # keep_empty_features: a column may be missing throughout the training rows and not in the held-out ones.
    steps = [SimpleImputer(strategy="median", keep_empty_features=True)] if impute else []
    steps += [StandardScaler()] if scale else []
    return make_pipeline(*steps) if steps else "passthrough"


def _categorical() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    impute = SimpleImputer(missing_values="", strategy="most_frequent", keep_empty_features=True)
    return make_pipeline(
        AsText(), impute, OneHotEncoder(handle_unknown="ignore", max_categories=MOST_CATEGORIES)
    )


def _dates(scale: bool) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(DateParts(), impute, *([StandardScaler()] if scale else []))


def _text() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(AsText(), TfidfVectorizer(max_features=MOST_WORDS))
