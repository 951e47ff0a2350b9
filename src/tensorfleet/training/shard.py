"""The rows of a dataset that one rank trains on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl


@dataclass(frozen=True)
class Shard:
    """This rank's part of the dataset.  The shards of all ranks are disjoint and together are the dataset.

    Attributes:
        path: the whole dataset's file, for code that reads it on its own.
        format: `csv` or `parquet`.
        target: the column to predict, when the dataset or the job names one.
    """

    path: Path
    format: str
    target: str | None
    frame: pl.DataFrame

    def __len__(self) -> int:
        return self.frame.height

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def to_polars(self) -> pl.DataFrame:
        return self.frame

    def to_pandas(self) -> pd.DataFrame:
        return self.frame.to_pandas()

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """All columns, in order: [rows, columns]."""
        return self.frame.to_numpy()

    def xy(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The features [rows, columns - 1] and the target [rows]."""
        if self.target is None:
            raise ValueError("the dataset has no target column; name it with target_column in the job file")
        return self.frame.drop(self.target).to_numpy(), self.frame[self.target].to_numpy()


def shard_rows(rows: int, rank: int, world_size: int, seed: int) -> np.ndarray[Any, Any]:
    """Row numbers of one rank, in the file's order: every `world_size`-th of a shuffle by the seed."""
    import numpy as np

    if world_size == 1:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[rank::world_size])
