"""The rows of a file from some place on, as JSON; what comes after them is not read."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from tensorfleet.datasets.csv_source import BLOCK_BYTES
from tensorfleet.datasets.model import NULL_VALUES, Column, Format
from tensorfleet.errors import DataInvalid

MOST_COLUMNS = 200
MOST_ROWS = 200
MOST_OFFSET = 1_000_000
MOST_CHARACTERS = 200
_NULL = frozenset(NULL_VALUES)
_AT_ONCE = 32
"""Rows of a Parquet that are in memory: a cell may be a picture."""


def preview(
    open_file: Callable[[], BinaryIO], file_format: Format, offset: int, limit: int
) -> list[list[Any]]:
    """Up to `limit` rows, each of the first columns alone; a CSV's cells are text still.

    Raises:
        DataInvalid: it is not a table in that format.
    """
    rows = _csv(open_file) if file_format == "csv" else _parquet(open_file, offset)
    skipped = offset if file_format == "csv" else 0
    return [[_shown(value) for value in row] for row in itertools.islice(rows, skipped, skipped + limit)]


def _csv(open_file: Callable[[], BinaryIO]) -> Iterator[Sequence[Any]]:
    """Row by row: readers of blocks are many of them ahead.  What is in the file was checked when it was added."""
    csv.field_size_limit(BLOCK_BYTES)
    with open_file() as file, io.TextIOWrapper(file, "utf-8-sig", "replace", newline="") as text:
        try:
            rows = (row for row in csv.reader(text) if row)
            width = min(len(next(rows, ())), MOST_COLUMNS)
            for row in rows:
                cells = (None if cell in _NULL else cell for cell in row[:width])
                yield [*cells, *[None] * (width - len(row))]
        except csv.Error as error:
            raise DataInvalid(f"the file is not CSV: {error}") from error


def _parquet(open_file: Callable[[], BinaryIO], offset: int) -> Iterator[Sequence[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file() as file:
        try:
            table = pq.ParquetFile(file, pre_buffer=False, buffer_size=BLOCK_BYTES)
            groups: list[int] = []
            for number in range(table.num_row_groups):
                rows = table.metadata.row_group(number).num_rows
                if offset >= rows and not groups:
                    offset -= rows
                else:
                    groups.append(number)
            columns = table.schema_arrow.names[:MOST_COLUMNS]
            for batch in table.iter_batches(_AT_ONCE, row_groups=groups, columns=columns, use_threads=False):
                if offset < batch.num_rows:
                    shown = batch.slice(offset)
                    yield from zip(*map(_values, shown.columns), strict=True)
                offset = max(0, offset - batch.num_rows)
        except (pa.ArrowException, OSError) as error:
            raise DataInvalid(f"the file is not whole Parquet: {str(error).splitlines()[0][:300]}") from error


def _values(column: Any) -> list[Any]:
    import pyarrow.compute as pc

    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # instants that Python has no value for
        found = [text and text.replace(" ", "T") for text in pc.cast(column, "string").to_pylist()]
    return found


def _shown(value: Any) -> Any:
    """Bytes as their number, instants as text, and nothing of more than some characters."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    text = value if isinstance(value, str) else _text(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


def _text(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def typed(rows: Sequence[Sequence[Any]], columns: Sequence[Column]) -> list[list[Any]]:
    """Cells of a CSV as what their columns are; one that is not is left as it is written."""
    kinds = [column.type for column in columns]
    return [[_typed(cell, kind) for cell, kind in zip(row, kinds, strict=False)] for row in rows]


def _typed(cell: Any, kind: str) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        if kind == "integer":
            return int(cell)
        if kind == "number":
            number = float(cell)
            return number if math.isfinite(number) else None
    except ValueError:
        return cell
    return cell.lower() == "true" if kind == "boolean" else cell
