"""Rows of a file: the right ones, as JSON, without reading what comes after them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tensorfleet.datasets.model import Column, ColumnType
from tensorfleet.datasets.preview import MOST_CHARACTERS, MOST_COLUMNS, preview, typed
from tensorfleet.errors import DataInvalid


class Counted(io.FileIO):
    """Knows how much of it was read."""

    total = 0

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        Counted.total += count or 0
        return count or 0


@pytest.fixture
def opener(tmp_path: Path) -> Callable[[bytes], Callable[[], BinaryIO]]:
    def make(data: bytes) -> Callable[[], BinaryIO]:
        path = tmp_path / "file"
        path.write_bytes(data)
        Counted.total = 0
        return lambda: io.BufferedReader(Counted(path), 64 * 1024)

    return make


def parquet(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def test_rows_of_a_csv(opener: Any) -> None:
    data = b'n,t\n1,"a,\n b"\n,NA\n' + b"3,\xc3\xa9\n"
    assert preview(opener(data), "csv", 0, 10) == [["1", "a,\n b"], [None, None], ["3", "é"]]
    assert preview(opener(data), "csv", 1, 1) == [[None, None]]
    assert preview(opener(data), "csv", 3, 1) == []


@pytest.mark.parametrize("offset", [0, 7, 100_000, 199_990, 200_000])
def test_any_place_of_either_format(opener: Any, offset: int) -> None:
    rows = 200_000
    lines = b"n,k\n" + b"".join(b"%d,key\n" % number for number in range(rows))
    table = pa.table({"n": np.arange(rows), "k": ["key"] * rows})
    expected = [[number, "key"] for number in range(offset, min(offset + 20, rows))]
    columns = [Column("n", "integer", 0, None), Column("k", "category", 0, 1)]
    assert typed(preview(opener(lines), "csv", offset, 20), columns) == expected
    assert preview(opener(parquet(table, row_group_size=30_000)), "parquet", offset, 20) == expected


def test_only_what_is_shown_is_read(opener: Any) -> None:
    preview(opener(b"n,k\n" + b"0123456789,abcdefghijkl\n" * 200_000), "csv", 0, 50)
    assert Counted.total < 256 * 1024
    rows = 400_000
    table = pa.table({f"c{n}": np.random.default_rng(n).random(rows) for n in range(8)})
    data = parquet(table, row_group_size=50_000)
    for offset in (0, 390_000):
        preview(opener(data), "parquet", offset, 50)
        assert Counted.total < len(data) / 3


def test_values_of_every_kind_become_json(opener: Any) -> None:
    table = pa.table(
        {
            "i": pa.array([2**62, None]),
            "f": pa.array([0.5, float("nan")]),
            "inf": pa.array([float("inf"), 1.0]),
            "b": [True, None],
            "d": pa.array([date(2024, 2, 29), None]),
            "t": pa.array([datetime(2024, 2, 29, 12, tzinfo=UTC), None]),
            "m": pa.array([Decimal("1.50"), None]),
            "ns": pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns")),
            "far": pa.array([2**58, None], pa.timestamp("us")),
            "raw": pa.array([b"\x89PNG", None]),
            "s": ["x" * 500, ""],
            "c": pa.array(["red", None]).dictionary_encode(),
        }
    )
    first, second = preview(opener(parquet(table)), "parquet", 0, 10)
    assert first == [
        2**62, 0.5, None, True, "2024-02-29", "2024-02-29T12:00:00+00:00", "1.50",
        "2023-11-14T22:13:20.000000001", "11103-08-29T17:22:31.711744", {"bytes": 4},
        "x" * MOST_CHARACTERS + "...", "red",
    ]  # fmt: skip
    assert second == [None, None, 1.0, None, None, None, None, None, None, None, "", None]
    assert json.dumps([first, second], allow_nan=False)


def test_wide_files_are_cut(opener: Any) -> None:
    wide = {f"c{number}": [number] for number in range(1000)}
    header = ",".join(wide).encode()
    found = preview(opener(header + b"\n" + header + b"\n"), "csv", 0, 5)
    assert [len(row) for row in found] == [MOST_COLUMNS]
    assert preview(opener(parquet(pa.table(wide))), "parquet", 0, 5) == [list(range(MOST_COLUMNS))]


@pytest.mark.parametrize(
    ("kind", "cell", "shown"),
    [
        ("integer", "-7", -7),
        ("number", "1e3", 1000.0),
        ("number", "inf", None),
        ("boolean", "TRUE", True),
        ("boolean", "false", False),
        ("date", "2024-01-31", "2024-01-31"),
        ("integer", "seven", "seven"),
        ("text", "12", "12"),
        ("integer", None, None),
    ],
)
def test_cells_are_what_their_column_is(kind: ColumnType, cell: str | None, shown: Any) -> None:
    assert typed([[cell]], [Column("x", kind, 0, None)]) == [[shown]]


def test_what_is_no_table_says_so(opener: Any) -> None:
    with pytest.raises(DataInvalid, match="not whole Parquet"):
        preview(opener(b"PAR1 nothing"), "parquet", 0, 5)
    with pytest.raises(DataInvalid, match="not CSV"):
        preview(opener(b"a,b\n1," + b"x" * 2 * 1024**2), "csv", 0, 5)
    assert preview(opener(b"a,b\n1\n\n1,2,3\n"), "csv", 0, 5) == [["1", None], ["1", "2"]]
