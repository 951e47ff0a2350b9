"""Each kind of bad file gets a sentence on what is wrong and where; good ones get types and a profile."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tensorfleet.datasets.csv_source import BLOCK_BYTES, MAX_COLUMNS
from tensorfleet.datasets.inspect import inspect
from tensorfleet.datasets.model import Format, Inspection
from tensorfleet.errors import DataInvalid

GOOD = b"a,b,c\n" + b"1,2,x\n" * 1000
LONG = "é,x\n".encode() * 300_000  # goes on into the second block
BAD_CSV = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n \n", "is empty"),
    "only a BOM": (b"\xef\xbb\xbf", "is empty"),
    "no rows": (b"a,b\n", "no rows"),
    "a cell too many": (
        GOOD + b"1,2,3,4\n" + b"1,2,3\n",
        "line 1002: the row has 4 cells, but the header has 3 columns",
    ),
    "a cell too few": (GOOD + b"1,2\n", "line 1002: the row has 2 cells, but the header has 3"),
    "ragged after quotes": (b'a,b\n1,"x\ny"\n\n2,z\n3\n', "line 6: the row has 1 cell,"),
    "ragged, far in": (b"a,b\n" + LONG + b"1\n", "line 300002: the row has 1 cell,"),
    "Latin-1": (GOOD + "é,2,3\n".encode("latin-1"), "line 1002, byte 6006 of the file: the byte 0xe9"),
    "not UTF-8, far in": (
        b"a,b\n" + LONG + b"\xff,1\n",
        "line 300002, byte 1500004 of the file: the byte 0xff",
    ),
    "cut in a character": (GOOD + "1,2,é".encode()[:-1], "line 1002, byte 6010 of the file: the byte 0xc3"),
    "cut between blocks": (
        b"a\n" + b"x" * (BLOCK_BYTES - 3) + b"\xc3",
        f"byte {BLOCK_BYTES - 1} of the file: the byte 0xc3",
    ),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    "NUL": (GOOD + b"1,\0,3\n", "line 1002, byte 6008 of the file: a NUL byte"),
    "equal names": (b"a,b,a\n1,2,3\n", "'a' 2 times"),
    "no names": (b",,\n1,2,3\n", "names no column"),
    "semicolons": (b"a;b\n1;2\n", "semicolons"),
    "tabs": (b"a\tb\n1\t2\n", "tabs"),
    "gzip": (b"\x1f\x8b\x08rest", "gzip"),
    "Excel": (b"PK\x03\x04rest", "Excel"),
    "Parquet": (b"PAR1rest", "is Parquet"),
    "open quote": (b'a,b\n1,"x\n' + b"2,y\n" * 20, "line 2: a quote opens there and never closes"),
    "open quote, long": (b'a,b\n1,"x\n' + b"2,y\n" * BLOCK_BYTES, "line 2: a row there is longer than 1 MiB"),
    "a long row": (b"a,b\n1," + b"x" * 2 * BLOCK_BYTES, "line 2: a row there is longer than 1 MiB"),
    "too many columns": (
        b",".join(b"c%d" % n for n in range(MAX_COLUMNS + 1)) + b"\n1\n",
        f"{MAX_COLUMNS + 1} columns",
    ),
}


def look_at(folder: Path, data: bytes, file_format: Format = "csv") -> Inspection:
    path = folder / "data"
    path.write_bytes(data)
    return inspect(lambda: path.open("rb"), file_format)


def parquet(folder: Path, table: pa.Table, **options: Any) -> bytes:
    pq.write_table(table, folder / "table", **options)
    return (folder / "table").read_bytes()


@pytest.mark.parametrize("case", BAD_CSV)
def test_a_bad_csv(tmp_path: Path, case: str) -> None:
    data, expected = BAD_CSV[case]
    with pytest.raises(DataInvalid) as caught:
        look_at(tmp_path, data)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"x,y\n1,2\n",
        b"x,y\n1,2",
        b"x,y\r\n1,2\r\n",
        b"\xef\xbb\xbfx,y\n1,2\n",
        b"\nx,y\n\n1,2\n\n",
        b'"x","y"\n"1","2"\n',
    ],
)
def test_shapes_of_good_csv(tmp_path: Path, data: bytes) -> None:
    found = look_at(tmp_path, data)
    assert found.rows == 1
    assert [(column.name, column.type) for column in found.columns] == [("x", "integer"), ("y", "integer")]


def test_a_stray_quote_inside_a_cell_is_fine(tmp_path: Path) -> None:
    assert look_at(tmp_path, b'pipe,n\n5" pipe,1\n4 pipe,2\n').rows == 2


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "-2", "3"], "integer"),
        (["1", "2.5", "3"], "number"),
        (["1e3", "inf", "0.1"], "number"),
        (["99999999999999999999", "1", "2"], "number"),
        (["true", "False", "TRUE"], "boolean"),
        (["2024-01-31", "2024-02-29", "1999-12-31"], "date"),
        (["2024-01-31T10:00:00Z", "2024-01-31 10:00:00+02:00", ""], "date"),
        (["red", "red", "blue"], "category"),
        (["one", "two", "three"], "text"),
        (["1", "2", "x"], "text"),
        (["", "NA", "null"], "text"),
        (["1", "true", "true"], "category"),
    ],
)
def test_types(tmp_path: Path, cells: list[str], expected: str) -> None:
    found = look_at(tmp_path, ("v,k\n" + "".join(f"{cell},k\n" for cell in cells)).encode())
    assert found.columns[0].type == expected


def test_a_type_holds_for_the_whole_file(tmp_path: Path) -> None:
    late = b"a,b,c\n" + b"1,2,3\n" * 400_000 + b"0.5,word,\n"
    found = look_at(tmp_path, late)
    assert [column.type for column in found.columns] == ["number", "category", "integer"]
    assert [column.missing for column in found.columns] == [0, 0, 1]
    assert found.profile["a"]["min"] == 0.5
    assert found.profile["b"]["top"][0] == {"value": "2", "count": 400_000}


def test_the_profile_of_numbers(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(5, 2, 50_000)
    lines = ["x,n", *(f"{value!r},{number % 7}" for number, value in enumerate(values.tolist()))]
    found = look_at(tmp_path, "\n".join(lines).encode())
    profile = found.profile["x"]
    assert found.columns[0].unique is None
    assert found.columns[1].unique == 7
    assert profile["min"] == values.min()
    assert profile["max"] == values.max()
    assert profile["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert profile["std"] == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert profile["quantiles"]["0.5"] == pytest.approx(np.median(values), abs=0.1)
    assert sum(profile["histogram"]["counts"]) == 10_000
    assert found.profile["n"]["top"][0] == {"value": 0, "count": 7143}


def test_small_files_are_profiled_exactly(tmp_path: Path) -> None:
    found = look_at(tmp_path, b"x,d\n1,2024-01-02\n2,2023-01-02\n4,\n")
    assert found.profile["x"]["quantiles"]["0.5"] == 2.0
    assert found.profile["d"]["min"].startswith("2023-01-02")
    assert found.profile["d"]["max"].startswith("2024-01-02")
    assert found.columns[1].missing == 1
    histogram = found.profile["d"]["histogram"]
    assert histogram["counts"] == [1] + [0] * 18 + [1]
    assert (histogram["edges"][0], histogram["edges"][-1]) == (
        found.profile["d"]["min"],
        found.profile["d"]["max"],
    )
    assert histogram["edges"][10].startswith("2023-07-03 12:00:00")


def test_texts_that_come_again_are_named(tmp_path: Path) -> None:
    names = [*(f"name {number}" for number in range(100)), "nobody", "nobody"]
    found = look_at(tmp_path, ("t,u\n" + "".join(f"{one},{n}x\n" for n, one in enumerate(names))).encode())
    assert [column.type for column in found.columns] == ["text", "text"]
    assert found.profile["t"]["top"][0] == {"value": "nobody", "count": 2}
    assert found.profile["u"] == {}


def test_huge_numbers_still_give_json(tmp_path: Path) -> None:
    found = look_at(tmp_path, b"x,y\n1e308,nan\n-1e308,inf\n1e308,1\n")
    assert json.dumps(found.profile, allow_nan=False)
    assert found.columns[1].missing == 1
    assert math.isfinite(found.profile["y"]["max"])


def test_long_values_are_cut_in_the_profile(tmp_path: Path) -> None:
    found = look_at(tmp_path, b"a,b\n" + (b"z" * 500 + b",1\n") * 3)
    assert found.profile["a"]["top"][0]["value"] == "z" * 100 + "..."


def test_parquet(tmp_path: Path) -> None:
    rows = 100_000
    table = pa.table(
        {
            "n": np.arange(rows),
            "f": pa.array([0.5, None] * (rows // 2)),
            "b": [True, False] * (rows // 2),
            "c": pa.array(["x", "y"] * (rows // 2)).dictionary_encode(),
            "t": [f"text {n}" for n in range(rows)],
            "d": pa.array(np.arange(rows), pa.timestamp("us")),
            "class": ["p", "q"] * (rows // 2),
        }
    )
    found = look_at(tmp_path, parquet(tmp_path, table), "parquet")
    assert found.rows == rows
    assert [column.type for column in found.columns] == [
        *("integer", "number", "boolean", "category", "text", "date", "category"),
    ]
    assert found.columns[1].missing == rows // 2
    assert found.target == "class"
    assert found.profile["n"]["mean"] == pytest.approx((rows - 1) / 2)
    assert json.dumps(found.profile, allow_nan=False)


def test_bad_parquet(tmp_path: Path) -> None:
    whole = parquet(tmp_path, pa.table({"x": np.arange(100_000), "s": ["a", "b"] * 50_000}))
    nested = parquet(tmp_path, pa.table({"l": [[1]]}))
    binary = parquet(tmp_path, pa.table({"image": pa.array([b"\x89PNG"], pa.binary(4))}))
    no_rows = parquet(tmp_path, pa.table({"x": pa.array([], pa.int64())}))
    cases = {
        "is empty": b"",
        "not whole Parquet": b"hello",
        "not whole Parquet, at its start or its footer": whole[:-100],
        "not whole Parquet,": whole[:5000] + b"\x55" * 3_000 + whole[8_000:],
        "'l' holds list": nested,
        "'image' holds fixed_size_binary": binary,
        "no rows": no_rows,
    }
    for expected, data in cases.items():
        with pytest.raises(DataInvalid) as caught:
            look_at(tmp_path, data, "parquet")
        assert expected in str(caught.value)


def run_inspect(path: Path, *options: str) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "tensorfleet.datasets.inspect",
        "--format",
        path.suffix[1:],
        "--path",
        str(path),
    ]
    done = subprocess.run([*command, *options], capture_output=True, check=True, timeout=60)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_as_a_process(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(b"x,y\n1,2\n")
    bad.write_bytes(b"x,y\n1\n")
    answer = run_inspect(good)
    assert answer["rows"] == 1
    assert answer["columns"][0] == {"name": "x", "type": "integer", "missing": 0, "unique": 1}
    assert answer["target"] == "y"
    assert run_inspect(bad) == {"error": "line 2: the row has 1 cell, but the header has 2 columns"}


def test_a_parquet_bomb_ends_its_own_process_only(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"b": ["x" * 200_000_000]}), path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 200_000
    assert "needs more than 256 MiB" in run_inspect(path, "--memory-limit", str(256 * 1024**2))["error"]


def test_time_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "slow.csv"
    path.write_bytes(b"a,b\n" + b"1.5,word\n" * 2_000_000)
    assert "longer than 0 s" in run_inspect(path, "--timeout", "0.01")["error"]


def test_pictures_are_a_column_of_bytes(tmp_path: Path) -> None:
    pictures = pa.array([b"\x89PNG", None, b"\xff\xd8"] * 10, pa.large_binary())
    found = look_at(
        tmp_path, parquet(tmp_path, pa.table({"picture": pictures, "label": ["a", "b", "c"] * 10})), "parquet"
    )
    assert [(c.name, c.type, c.missing, c.unique) for c in found.columns] == [
        ("picture", "binary", 10, None),
        ("label", "category", 0, 3),
    ]
    assert found.profile["picture"] == {}
    assert found.target == "label"
