"""Small real data sets as frames and files, for tests."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def sample_frame(name: str) -> pl.DataFrame:
    """scikit-learn's `load_<name>` with the target as the column `target`."""
    import polars as pl
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(bunch.data, schema=[str(column) for column in bunch.feature_names])
    return frame.with_columns(pl.Series("target", bunch.target))


def csv_bytes(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
