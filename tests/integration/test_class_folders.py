"""A folder of pictures by class, from the command line to a network that tells them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.integration.platform import Platform


def test_a_folder_becomes_a_dataset_that_a_network_learns(platform: Platform, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for number in range(60):
        name, top = ("night", 90) if number % 2 else ("day", 255)
        path = tmp_path / "skies" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(top - 90, top, (10, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    added = platform.cli("datasets", "add", str(tmp_path / "skies"))
    assert added.stdout == "skies@1  60 rows, 2 columns, target label\n"
    job = platform.client.submit(
        {
            "name": "skies",
            "algorithm": "cnn",
            "dataset": "skies",
            "hyperparameters": {"epochs": 5, "batch_size": 8},
        }
    ).wait(90)
    assert job.data["metrics"]["accuracy"] > 0.9

    (tmp_path / "skies" / "day" / "broken.png").write_bytes(b"\x89PNG")
    refused = platform.cli("datasets", "add", str(tmp_path / "skies"), check=False)
    assert refused.returncode == 1
    assert "day/broken.png cannot be read" in refused.stderr
