"""Pictures in a table: encoded ones in a column of bytes, or a column for each pixel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from tensorfleet.errors import DataInvalid
from tensorfleet.training.picture_files import open_picture

if TYPE_CHECKING:
    import polars as pl

    Array = np.ndarray[Any, Any]

_MODES = {1: "L", 3: "RGB"}


class Pictures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Rows as pictures: uint8 [rows, channels, size, size].

    The pictures are PNG, JPEG, GIF, BMP or WebP in the one column of bytes, of any size each, cut square in the middle and
    scaled; else the numbers of all columns are the pixels of a square, channel by channel, from 0 to the largest that the
    training rows have.
    """

    def __init__(self, size: int | None = None, channels: int | None = None) -> None:
        self.size = size
        self.channels = channels

    def fit(self, X: pl.DataFrame, y: Any = None) -> Pictures:
        """Finds the size, where it is not given, from the first picture.

        Raises:
            DataInvalid: there are no pictures in these columns.
        """
        self.column_ = picture_column(X)
        self.top_ = 1.0
        if self.column_ is not None:
            first = _open(X[self.column_][0], 0)
            self.size_ = self.size or min(first.size)
            self.channels_ = self.channels or (1 if first.mode in ("1", "L", "I", "I;16", "F") else 3)
            return self
        self.size_, self.channels_ = _square(X.width, self.size, self.channels)
        numbers = _numbers(X)
        self.top_ = float(np.nanmax(numbers)) or 1.0
        return self

    def transform(self, X: pl.DataFrame) -> Array:
        shape = (X.height, self.channels_, self.size_, self.size_)
        if self.column_ is None:
            scaled = np.nan_to_num(_numbers(X)) * (255.0 / self.top_)
            return scaled.clip(0, 255).round().astype(np.uint8).reshape(shape)
        found = np.empty(shape, dtype=np.uint8)
        for row, data in enumerate(X[self.column_]):
            found[row] = self._pixels(data, row)
        return found

    def _pixels(self, data: Any, row: int) -> Array:
        from PIL import ImageOps

        picture = _open(data, row).convert(_MODES[self.channels_])
        fitted = np.asarray(ImageOps.fit(picture, (self.size_, self.size_)))
        return fitted[None] if self.channels_ == 1 else fitted.transpose(2, 0, 1)


def picture_column(frame: pl.DataFrame) -> str | None:
    """The name of the column that holds encoded pictures, if there is one."""
    import polars as pl

    names = [column.name for column in frame.iter_columns() if column.dtype == pl.Binary]
    if len(names) > 1:
        raise DataInvalid(
            f"the columns {', '.join(names[:5])} all hold bytes; keep the one with the pictures"
        )
    return names[0] if names else None


def _square(width: int, size: int | None, channels: int | None) -> tuple[int, int]:
    for count in (channels,) if channels else (1, 3):
        side = math.isqrt(width // count)
        if side * side * count == width and side >= 4 and size in (None, side):
            return side, count
    wanted = "" if size is None else f" of {size} by {size}"
    raise DataInvalid(
        f"the {width} columns are not the pixels of a square picture{wanted}; give each pixel a column, or the pictures"
        " as PNG or JPEG in one column of bytes"
    )


def _numbers(frame: pl.DataFrame) -> Array:
    import polars as pl

    odd = next((c.name for c in frame.iter_columns() if not c.dtype.is_numeric()), None)
    if odd is not None:
        raise DataInvalid(f"column '{odd}' holds {frame[odd].dtype}, not the values of a pixel")
    found: Array = frame.select(pl.all().cast(pl.Float32)).to_numpy()
    return found


def _open(data: Any, row: int) -> Any:
    return open_picture(data or b"", f"the picture in row {row}")
