"""A large dataset there and back: how long, and the most memory that any process of ours had meanwhile."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.fleet import CLI, fleet
from benchmarks.idle import role_of
from benchmarks.memory import PeakMemory
from benchmarks.report import table, write

SIZE_MB = int(os.environ.get("BENCH_BIG_MB", "2000"))


def make_csv(path: Path, size_mb: int) -> str:
    """A table of random numbers of about this size; returns its SHA-256."""
    digest = hashlib.sha256()
    generator = np.random.default_rng(7)
    with path.open("wb") as file:
        head = ",".join(f"c{i}" for i in range(20)) + ",label\n"
        block = head.encode()
        while file.tell() < size_mb * 1_000_000:
            file.write(block)
            digest.update(block)
            numbers = generator.normal(size=(5000, 20))
            labels = generator.integers(0, 3, 5000)
            block = "".join(
                ",".join(f"{value:.6f}" for value in row) + f",{label}\n"
                for row, label in zip(numbers, labels, strict=True)
            ).encode()
            if file.tell() > 50_000_000:  # real text, but written faster than it can be made
                while file.tell() < size_mb * 1_000_000:
                    file.write(block)
                    digest.update(block)
    return digest.hexdigest()


def _resident(process: psutil.Process) -> tuple[str, float]:
    return role_of(process), process.memory_info().rss / 1e6


def main() -> None:
    with fleet(workers=1) as platform, tempfile.TemporaryDirectory(prefix="tensorfleet-big-") as folder:
        source, back = Path(folder) / "big.csv", Path(folder) / "back.csv"
        digest = make_csv(source, SIZE_MB)
        env = {**os.environ, "TENSORFLEET_HOME": str(platform.home)}
        times = {}
        with PeakMemory([platform.supervisor, psutil.Process()], _resident) as peak:
            for name, command in (
                ("upload", ("datasets", "add", str(source), "--name", "big")),
                ("download", ("datasets", "download", "big", "--to", str(back))),
            ):
                began = time.perf_counter()
                subprocess.run([CLI, *command], env=env, check=True, capture_output=True)
                times[name] = time.perf_counter() - began
        with back.open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == digest, (
                "what came back is not what was sent"
            )
    rows = [(role, f"{most:.0f} MB") for role, most in sorted(peak.most.items(), key=lambda item: -item[1])]
    table(
        f"{SIZE_MB} MB: up {times['upload']:.0f} s, down {times['download']:.0f} s; the most that was resident",
        rows,
        ("", "RSS"),
    )
    write("transfer", {"size_mb": SIZE_MB, "seconds": times, "peak_rss_mb": peak.most})


if __name__ == "__main__":
    main()
