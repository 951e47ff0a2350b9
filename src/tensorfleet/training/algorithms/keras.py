"""Networks of TensorFlow's Keras: hyperparameters, and the packages of the environment that they are trained in."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tensorfleet.training.algorithm import BOTH, NetworkAlgorithm
from tensorfleet.training.algorithms.neural import PictureParams, TrainingParams, Width

TENSORFLOW = (
    "absl-py==2.5.1",
    "astunparse==1.6.3",
    "flatbuffers==25.12.19",
    "gast==0.7.0",
    "google-pasta==0.2.0",
    "h5py==3.14.0",
    "keras==3.15.1",
    "libclang==18.1.1",
    "ml-dtypes==0.6.0",
    "namex==0.1.0",
    "opt-einsum==3.4.0",
    "optree==0.20.0",
    'tensorflow-cpu==2.21.0; platform_machine == "x86_64"',
    'tensorflow==2.21.0; platform_machine != "x86_64"',
    "termcolor==3.3.0",
    "wheel==0.48.0",
)
"""What TensorFlow needs beside what TensorFleet has; exact, so that a job that is replayed next year computes the same."""


class KerasMlpParams(TrainingParams):
    hidden: list[Width] = Field(default=[256, 128], max_length=50)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class KerasCnnParams(PictureParams, TrainingParams):
    widths: list[Width] = Field(
        default=[32, 64], min_length=1, max_length=8, description="channels of each stage"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1)


_COMMON: dict[str, Any] = {
    "tasks": BOTH,
    "trainer": "tensorfleet.training.keras_trainer:train",
    "library": "TensorFlow, Keras",
    "torch": False,
    "requirements": TENSORFLOW,
    "extra": "tensorflow",
}
KERAS = (
    NetworkAlgorithm(
        name="keras_mlp",
        summary="Multi-layer perceptron, by TensorFlow's Keras",
        params=KerasMlpParams,
        shape=("hidden", "dropout"),
        **_COMMON,
    ),
    NetworkAlgorithm(
        name="keras_cnn",
        summary="Small convolutional network for pictures, by TensorFlow's Keras",
        params=KerasCnnParams,
        inputs="pictures",
        shape=("widths", "dropout"),
        packages=("pillow",),
        **_COMMON,
    ),
)
