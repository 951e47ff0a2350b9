"""Networks on one rank: pictures, schedules, precision, early stopping."""

import io
import math

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from tensorfleet.testing.frames import csv_bytes, parquet_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training import checkpoints, networks
from tensorfleet.training.algorithms.neural import NEURAL, MlpParams
from tensorfleet.training.models import load_model
from tensorfleet.training.optimizing import learning_rate
from tensorfleet.training.run import run_task

FAST = {"epochs": 3, "batch_size": 32, "learning_rate": 0.003}


def _train(folder, **task):
    task_dir = write_task(folder, **task)
    code = run_task(task_dir)
    return code, read_outcome(task_dir), task_dir


def _encoded(kind: str, colours: bool, seed: int, side: int) -> bytes:
    """A picture of noise that is brighter on the left for `left`, on the right for the others."""
    noise = np.random.default_rng(seed).integers(0, 90, (side, side, 3 if colours else 1), dtype=np.uint8)
    half = slice(0, side // 2) if kind == "left" else slice(side // 2, side)
    noise[:, half] += 120
    file = io.BytesIO()
    picture = Image.fromarray(noise if colours else noise[:, :, 0])
    picture.save(file, "PNG" if seed % 2 else "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def photos() -> pl.DataFrame:
    kinds = ["left", "right"] * 60
    pictures = [_encoded(kind, True, row, 20 + row % 7) for row, kind in enumerate(kinds)]
    return pl.DataFrame({"photo": pictures, "side": kinds})


def test_the_digits_as_pictures(tmp_path):
    frame = sample_frame("digits")
    code, outcome, _ = _train(tmp_path, data=csv_bytes(frame), algorithm="cnn", hyperparameters=FAST)
    assert code == 0, outcome
    assert outcome["metrics"]["accuracy"] > 0.93
    model = load_model(model_folder(tmp_path, outcome))
    sample = outcome["evaluation"]["samples"][0]
    assert model.predict(frame[[sample["row"]]]).tolist() == [sample["predicted"]]


@pytest.mark.parametrize(("algorithm", "rows"), [("resnet18", 1797), ("resnet50", 400)])
def test_residual_networks_learn_the_digits(tmp_path, algorithm, rows):
    hyper = {"epochs": 1, "batch_size": 16, "learning_rate": 0.002}
    data = csv_bytes(sample_frame("digits")[:rows])
    code, outcome, task_dir = _train(tmp_path, data=data, algorithm=algorithm, hyperparameters=hyper)
    assert code == 0, outcome
    assert read_records(task_dir, "metrics")[-1]["values"]["loss"] < math.log(10)
    assert outcome["metrics"]["accuracy"] > (0.8 if rows > 1000 else 0.15)


def test_encoded_pictures_are_learned(tmp_path, photos):
    code, outcome, _ = _train(
        tmp_path,
        data=parquet_bytes(photos),
        data_format="parquet",
        target_column="side",
        algorithm="cnn",
        hyperparameters=FAST | {"image_size": 16, "batch_size": 8, "epochs": 4},
    )
    assert code == 0, outcome
    assert outcome["metrics"]["accuracy"] >= 0.9
    assert outcome["model"]["signature"]["inputs"] == [{"type": "binary", "name": "photo"}]
    model = load_model(model_folder(tmp_path, outcome))
    assert model.predict({"photo": [_encoded("left", True, 901, 33)]}).tolist() == ["left"]
    assert model.predict_proba({"photo": [_encoded("right", True, 902, 64)]}).argmax() == 1


@pytest.mark.parametrize(
    ("name", "channels", "size", "millions"),
    [("resnet18", 3, 32, 11.2), ("resnet50", 3, 224, 25.6), ("resnet50", 1, 28, 23.5)],
)
def test_the_residual_networks_have_the_papers_size(name, channels, size, millions):
    with torch.device("meta"):
        network = networks.build_network(
            name, channels=channels, size=size, outputs=1000 if size == 224 else 10
        )
        outputs = network(torch.empty(2, channels, size, size, dtype=torch.uint8))
    assert outputs.shape == (2, 1000 if size == 224 else 10)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pl.DataFrame({"a": range(20), "b": range(20), "y": [0, 1] * 10}),
            "the 2 columns are not the pixels",
        ),
        (pl.DataFrame({"p": [b"no picture"] * 20, "y": [0, 1] * 10}), "the picture in row 0 cannot be read"),
        (pl.DataFrame({"p": [b"x"] * 20, "q": [b"x"] * 20, "y": [0, 1] * 10}), "p, q all hold bytes"),
        (
            pl.DataFrame({f"c{i}": ["red"] * 20 for i in range(16)} | {"y": [0, 1] * 10}),
            "column 'c0' holds String",
        ),
    ],
)
def test_what_is_no_picture_is_said_so(tmp_path, frame, message):
    code, outcome, _ = _train(
        tmp_path, data=parquet_bytes(frame), data_format="parquet", algorithm="cnn", target_column="y"
    )
    assert code == 1
    assert message in outcome["message"]
    assert outcome["class"] in ("data", "user_error")


def test_the_learning_rate_follows_the_share_that_is_done():
    params = MlpParams(learning_rate=1.0, schedule="cosine", warmup=0.2)
    assert [round(learning_rate(params, done), 6) for done in (0, 0.1, 0.2, 0.6, 1)] == [0, 0.5, 1, 0.5, 0]
    linear = MlpParams(learning_rate=2.0, schedule="linear")
    assert [learning_rate(linear, done) for done in (0, 0.25, 1)] == [2.0, 1.5, 0.0]
    assert learning_rate(MlpParams(learning_rate=0.3), 0.9) == 0.3


SCHEDULED = {
    "hidden": [16],
    "epochs": 6,
    "schedule": "cosine",
    "warmup": 0.3,
    "clip_norm": 0.5,
    "early_stopping": 50,
}


def test_with_schedule_and_clipping_a_resumed_run_ends_with_the_same_weights(tmp_path):
    data = csv_bytes(sample_frame("iris"))
    task = {"data": data, "algorithm": "mlp", "hyperparameters": SCHEDULED, "checkpoint": {"every_steps": 5}}
    _, straight, straight_dir = _train(tmp_path / "whole", **task)
    middle = read_records(straight_dir, "checkpoint")[1]
    folder = tmp_path / "whole"
    resumed_dir = write_task(folder, attempt=2, resume=middle, **task)
    assert run_task(resumed_dir) == 0
    files = [
        {file["path"]: file["sha256"] for file in outcome["model"]["files"]}["weights.safetensors"]
        for outcome in (straight, read_outcome(resumed_dir))
    ]
    assert files[0] == files[1]


def test_each_option_changes_the_training(tmp_path):
    data, found = csv_bytes(sample_frame("iris")), {}
    for number, (name, value) in enumerate(
        [("epochs", 4), ("schedule", "linear"), ("warmup", 0.5), ("clip_norm", 0.01), ("precision", "bf16")]
    ):
        hyper = {"hidden": [16], "epochs": 4, name: value}
        code, outcome, _ = _train(tmp_path / str(number), data=data, algorithm="mlp", hyperparameters=hyper)
        assert code == 0, outcome
        files = {file["path"]: file["sha256"] for file in outcome["model"]["files"]}
        found[files["weights.safetensors"]] = name
    assert len(found) == 5


def test_it_ends_when_nothing_gets_better_and_keeps_the_best(tmp_path):
    noisy = sample_frame("iris").with_columns(target=(pl.col("target") + (pl.int_range(150) % 4 == 0)) % 3)
    code, outcome, task_dir = _train(
        tmp_path,
        data=csv_bytes(noisy),
        algorithm="mlp",
        hyperparameters={"hidden": [32], "epochs": 400, "learning_rate": 0.05, "early_stopping": 6},
        checkpoint={"every_epochs": 1, "keep_last": 20},
    )
    assert code == 0
    reported = [record["values"]["accuracy"] for record in read_records(task_dir, "metrics")]
    assert len(reported) < 400
    best = max(reported)
    assert reported.index(best) == len(reported) - 1 - 6
    evaluation = outcome["evaluation"]
    assert math.isclose(evaluation["validation"]["accuracy"], best), "the epoch was chosen on these rows"
    assert evaluation["split"]["rows"] == {"train": 108, "validation": 12, "test": 30}
    assert evaluation["held_out_rows"] == 30, "and the final figures are of rows that no choice has seen"

    states = {}
    for record in read_records(task_dir, "checkpoint"):
        states[record["epoch"]] = checkpoints.decode((tmp_path / "objects" / record["key"]).read_bytes())
    model = load_model(model_folder(tmp_path, outcome)).estimator.network.state_dict()
    at_the_best, at_the_end = states[len(reported) - 6]["network"], states[len(reported)]["network"]
    assert all(torch.equal(model[name], at_the_best[name]) for name in model)
    assert not all(torch.equal(model[name], at_the_end[name]) for name in model)


def test_half_precision_without_a_gpu_is_refused(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    code, outcome, _ = _train(
        tmp_path, data=csv_bytes(sample_frame("iris")), algorithm="mlp", hyperparameters={"precision": "fp16"}
    )
    assert code == 1
    assert "needs a GPU" in outcome["message"]


@pytest.mark.parametrize("algorithm", NEURAL, ids=lambda one: one.name)
def test_every_network_is_built_from_what_its_model_file_states(algorithm):
    assert set(algorithm.shape) <= set(algorithm.params.model_fields)
    assert algorithm.name in networks.BUILDERS
