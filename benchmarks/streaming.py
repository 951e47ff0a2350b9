"""A Parquet file larger than memory should be: trained on by two ranks, and the most that each of them had resident."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
from pyarrow import parquet

from benchmarks.fleet import CLI, fleet
from benchmarks.memory import PeakMemory
from benchmarks.report import table, write

SIZE_GB = float(os.environ.get("BENCH_STREAM_GB", "3"))
COLUMNS = 40
GROUP_ROWS = 200_000  # of 32 MB


def make_parquet(path: Path, size_gb: float) -> int:
    """Random numbers, and a label that follows from them; returns the rows."""
    generator = np.random.default_rng(7)
    names = [*(f"c{i}" for i in range(COLUMNS)), "label"]
    schema = pa.schema([*((name, pa.float32()) for name in names[:-1]), ("label", pa.int64())])
    groups = max(2, round(size_gb * 1e9 / (GROUP_ROWS * (4 * COLUMNS + 8))))
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as file:
        for _ in range(groups):
            x = generator.standard_normal((GROUP_ROWS, COLUMNS), dtype=np.float32)
            label = (x[:, :3].sum(axis=1) > 0).astype(np.int64)
            columns = [*(pa.array(x[:, i]) for i in range(COLUMNS)), pa.array(label)]
            file.write_table(pa.table(columns, schema=schema), row_group_size=GROUP_ROWS)
    return groups * GROUP_ROWS


def _own_memory(process: psutil.Process) -> tuple[int, float] | None:
    """A task's memory without pages of files, which the kernel could drop at once."""
    if not process.name().startswith("tf-task"):
        return None
    about = process.memory_info()
    return process.pid, (about.rss - about.shared) / 1e6


def main() -> None:
    with fleet(workers=2) as platform, tempfile.TemporaryDirectory(prefix="tensorfleet-big-") as folder:
        source = Path(folder) / "big.parquet"
        rows = make_parquet(source, SIZE_GB)
        size = source.stat().st_size
        env = {**os.environ, "TENSORFLEET_HOME": str(platform.home)}
        subprocess.run(
            [CLI, "datasets", "add", str(source), "--name", "big", "--target", "label"],
            env=env,
            check=True,
            capture_output=True,
        )
        source.unlink()
        spec = {
            "kind": "train",
            "name": "big",
            "algorithm": "mlp",
            "dataset": "big",
            "hyperparameters": {"epochs": 1, "batch_size": 4096, "hidden": [32]},
            "resources": {"workers": 2},
        }
        with PeakMemory([platform.supervisor], _own_memory) as peak:
            began = time.perf_counter()
            job = platform.client.submit(spec).wait()
            seconds = time.perf_counter() - began
        accuracy = job.data["metrics"]["accuracy"]
    most = sorted(peak.most.values(), reverse=True)
    table(
        f"{size / 1e9:.2f} GB of Parquet, {rows} rows, two ranks, one epoch: {seconds:.0f} s, accuracy {accuracy:.3f}",
        [(f"rank {number}", f"{used:.0f} MB") for number, used in enumerate(most)],
        ("", "most of its own memory"),
    )
    write(
        "streaming",
        {"bytes": size, "rows": rows, "seconds": seconds, "accuracy": accuracy, "peak_mb": most},
    )


if __name__ == "__main__":
    main()
