"""Training on a GPU; skipped where there is none."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tensorfleet.testing.frames import parquet_bytes
from tensorfleet.testing.tasks import read_outcome, read_records, write_task
from tests.integration.ranks import WarmRanks, warm_ranks

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="this machine has no GPU that torch can use"
)


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmRanks]:
    with warm_ranks() as found:
        yield found


@pytest.fixture(scope="module")
def pictures() -> bytes:
    """2,048 pictures of 3 x 64 x 64 whose brighter half says which class they are of."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 2048)
    x = rng.integers(0, 100, (2048, 3, 64, 64), dtype=np.uint8)
    for row, label in enumerate(labels):
        x[row, :, :, 32 * label : 32 * label + 32] += 100
    flat = x.reshape(2048, -1)
    columns = {f"p{i}": flat[:, i] for i in range(flat.shape[1])}
    return parquet_bytes(pl.DataFrame(columns).with_columns(label=pl.Series(labels)))


@pytest.fixture(scope="module")
def texts() -> bytes:
    rng = np.random.default_rng(2)
    words = np.array([f"word{i}" for i in range(400)])
    kinds = rng.integers(0, 2, 4096)
    rows = [" ".join(rng.choice(words[200 * kind : 200 * kind + 220], 100)) for kind in kinds]
    return parquet_bytes(pl.DataFrame({"text": rows, "label": kinds}))


def _task(folder: Path, data: bytes, algorithm: str, **hyper: Any) -> Path:
    return write_task(
        folder,
        data=data,
        data_format="parquet",
        target_column="label",
        algorithm=algorithm,
        hyperparameters=hyper,
        resources={"gpus": 1},
    )


def _epoch_s(task: Path) -> float:
    """The seconds of the last epoch; the first one also waits for kernels to be chosen."""
    at = [record["at"] for record in read_records(task, "metrics")]
    return float(at[-1] - at[-2])


@pytest.mark.parametrize(
    ("algorithm", "hyper"),
    [
        ("resnet50", {"batch_size": 256}),
        ("bert", {"batch_size": 256, "layers": 12, "width": 768, "heads": 12, "learning_rate": 1e-4}),
    ],
)
def test_sixteen_bits_are_faster_and_learn(
    warm: WarmRanks, tmp_path: Path, pictures: bytes, texts: bytes, algorithm: str, hyper: dict[str, Any]
) -> None:
    data, seconds = pictures if algorithm == "resnet50" else texts, {}
    for precision in ("fp32", "bf16"):
        task = _task(tmp_path / precision, data, algorithm, epochs=4, precision=precision, **hyper)
        assert warm.run([task]) == [0], read_outcome(task)
        assert read_outcome(task)["metrics"]["accuracy"] > 0.9
        seconds[precision] = _epoch_s(task)
    print(f"{algorithm}: {seconds['fp32'] / seconds['bf16']:.2f} times as fast")
    assert seconds["bf16"] < seconds["fp32"]


def test_a_killed_task_leaves_no_gpu_memory_behind(warm: WarmRanks, tmp_path: Path, pictures: bytes) -> None:
    before = torch.cuda.mem_get_info()[0]
    task = _task(tmp_path, pictures, "resnet50", epochs=50, batch_size=256)
    assert warm.run([task], {0: (12, signal.SIGKILL)}) == [-signal.SIGKILL]
    deadline = time.monotonic() + 10
    while torch.cuda.mem_get_info()[0] < before - 64 * 1024**2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert torch.cuda.mem_get_info()[0] >= before - 64 * 1024**2
