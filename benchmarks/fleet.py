"""A platform of its own for a benchmark."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

import tensorfleet

CLI = str(Path(sys.executable).parent / "tensorfleet")


@dataclass(frozen=True)
class Fleet:
    """A running platform; `ready_s` is how long it took until jobs were taken."""

    client: tensorfleet.Client
    supervisor: psutil.Process
    ready_s: float
    home: Path


@contextmanager
def fleet(workers: int) -> Iterator[Fleet]:
    """`tensorfleet up` in a temporary home."""
    from tensorfleet.cli.platform import start_detached, wait_until_ready
    from tensorfleet.settings import load_settings

    with tempfile.TemporaryDirectory(prefix="tensorfleet-bench-") as home:
        settings = load_settings(home=Path(home), port=0, workers=workers)
        began = time.perf_counter()
        process, log = start_detached(settings, tied=True)
        try:
            wait_until_ready(settings, process, log)
            ready_s = time.perf_counter() - began
            with tensorfleet.Client(home=Path(home)) as client:
                yield Fleet(client, psutil.Process(process.pid), ready_s, Path(home))
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
