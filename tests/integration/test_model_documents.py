"""A model with everything that goes with it, through the platform: formats, card, pictures."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tensorfleet.errors import SpecInvalid
from tensorfleet.testing.frames import sample_frame
from tensorfleet.training.onnx_file import load_onnx
from tests.integration.platform import CLI, Platform, wait_until

NETWORK = {
    "name": "documented-net",
    "algorithm": "mlp",
    "dataset": "wine",
    "model_name": "documented-net",
    "hyperparameters": {"epochs": 3, "hidden": [8]},
    "model": {"formats": ["onnx", "torch_export"], "intended_use": "Tests <b>only</b>."},
}
FOREST = {
    "name": "documented-forest",
    "algorithm": "random_forest",
    "dataset": "wine",
    "model_name": "documented-forest",
    "hyperparameters": {"n_estimators": 5},
    "model": {"formats": ["onnx"]},
}
CLUSTERS = {
    "name": "documented-clusters",
    "algorithm": "dbscan",
    "dataset": "wine",
    "model": {"formats": ["onnx"]},
}


def _run(platform: Platform, *words: str) -> str:
    done = subprocess.run(
        [CLI, *words],
        env={"TENSORFLEET_HOME": str(platform.home), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_has_its_formats_its_card_and_its_pictures(platform: Platform, tmp_path: Path) -> None:
    jobs = [platform.client.submit(spec) for spec in (NETWORK, FOREST, CLUSTERS)]
    net, forest, clusters = (job.wait(90) for job in jobs)

    model = forest.model
    (told,) = model.formats
    assert (told["file"], told["labels_differ"]) == ("model.onnx", 0)
    assert forest.data["formats"] == model.formats
    folder = model.download(tmp_path / "forest")
    frame = sample_frame("wine").drop("target")
    wine = frame.rename(dict(zip(frame.columns, _columns(folder), strict=True)))
    assert load_onnx(folder / "model.onnx").predict(wine).tolist() == model.predict(wine).tolist()

    assert [one["file"] for one in net.model.formats] == ["model.onnx", "model.pt2"]
    net.model.download(tmp_path / "net")
    assert (tmp_path / "net" / "model.pt2").stat().st_size > 1000

    (failed,) = [event for event in clusters.events() if event.kind == "export_failed"]
    assert "not published as onnx" in failed.data["message"]
    assert clusters.data["formats"][0]["file"] is None

    card = _run(platform, "models", "card", "documented-net")
    assert card.startswith("# documented-net, version 1\n")
    assert "## Intended use\n\nTests &lt;b&gt;only&lt;/b&gt;." in card
    assert "| torch_export | model.pt2 | the same on " in card
    kept = platform.home / "objects" / net.model.data["tags"]["tensorfleet.prefix"] / "card.md"
    wait_until(kept.exists, "the card in the model's folder")

    assert net.plots() == ["confusion", "roc", "pr", "calibration", "learning_curves"]
    printed = _run(platform, "jobs", "plots", net.id, "--save", str(tmp_path / "pictures")).split()
    assert len(printed) == 5
    assert all(ET.parse(file).getroot().tag.endswith("svg") for file in printed)
    written = platform.home / "objects" / "mlflow"
    pattern = f"**/{net.model.data['run_id']}/artifacts/plots/*.svg"
    wait_until(lambda: len(list(written.glob(pattern))) == 4, "the run's pictures")


def _columns(folder: Path) -> list[str]:
    from tensorfleet.training.models import load_model

    return [column["name"] for column in load_model(folder).columns]


def test_a_format_that_cannot_be_is_refused_at_once(platform: Platform) -> None:
    with pytest.raises(SpecInvalid, match=r"model\.formats: torch_export is for networks"):
        platform.client.submit({**FOREST, "model": {"formats": ["torch_export"]}})
    own = {"name": "own", "entrypoint": "main.py", "code": {"digest": "ab" * 32}, "model": {"example": False}}
    with pytest.raises(SpecInvalid, match="own code writes its files itself"):
        platform.client.submit(own)
