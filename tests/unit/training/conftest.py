import os
import signal
import sys
from pathlib import Path

import polars as pl
import pytest

from tensorfleet.training import session


@pytest.fixture(autouse=True)
def _own_process_state(monkeypatch, tmp_path):
    """A task sets variables, the working folder and the session of its process; here many share one."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        monkeypatch.setenv(name, "1")
    for name in ("RANK", "WORLD_SIZE", "TENSORFLEET_TASK_DIR", "TENSORFLEET_PARAMS", "TENSORFLEET_DATASET"):
        monkeypatch.delenv(name, raising=False)
    before = Path.cwd()
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.setattr("sys.argv", ["pytest"])
    os.chdir(tmp_path)
    yield
    os.chdir(before)
    if session._current is not None:
        session._current.close()
    session.activate(None)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture(scope="session")
def mixed() -> pl.DataFrame:
    """Every type of column, with gaps; the target follows from `size`, `colour` and `note`."""
    rows = 120
    even = [i % 2 == 0 for i in range(rows)]
    words = ["a very good day", "such a bad thing", "some quiet old place"]
    return pl.DataFrame(
        {
            "size": [None if i % 17 == 0 else float(i % 10) + 5 * even[i] for i in range(rows)],
            "count": [i % 7 for i in range(rows)],
            "flag": even,
            "gappy_flag": [None if i % 11 == 0 else even[i] for i in range(rows)],
            "colour": [None if i % 13 == 0 else ("red" if even[i] else "blue") for i in range(rows)],
            "note": [None if i % 19 == 0 else f"{words[i % 3]} number{i}" for i in range(rows)],
            "day": pl.Series([f"2024-0{i % 9 + 1}-11" for i in range(rows)]).str.to_date(),
            "id": [f"row-{i}" for i in range(rows)],
            "nothing": pl.Series([None] * rows, dtype=pl.Float64),
            "same": ["x"] * rows,
            "kind": ["even" if e else "odd" for e in even],
        }
    )
