"""Neural networks: hyperparameters; `tensorfleet.training.neural` trains them all."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tensorfleet.training.algorithm import BOTH, CLASSIFICATION, NetworkAlgorithm, Params

Width = Annotated[int, Field(ge=1, le=65_536)]


class TrainingParams(Params):
    """What all networks have in common, whatever library trains them."""

    epochs: int = Field(default=20, ge=1, le=1_000_000)
    batch_size: int = Field(default=64, ge=1, description="rows per rank and step")
    learning_rate: float = Field(default=0.001, gt=0, le=100)
    weight_decay: float = Field(default=0.01, ge=0)
    schedule: Literal["constant", "cosine", "linear"] = Field(
        default="constant", description="how the learning rate falls to 0 by the end"
    )
    warmup: float = Field(
        default=0.0, ge=0, lt=1, description="share of the training in which the learning rate rises from 0"
    )
    clip_norm: float | None = Field(
        default=None, gt=0, description="longer gradients are scaled down to this norm"
    )
    early_stopping: int | None = Field(
        default=None, ge=1, description="ends after so many epochs without a better one, and keeps the best"
    )


class NeuralParams(TrainingParams):
    """What all networks of PyTorch have in common."""

    precision: Literal["fp32", "bf16", "fp16"] = Field(
        default="fp32", description="what the forward pass computes in; fp16 needs a GPU"
    )
    parallel: Literal["ddp", "fsdp"] = Field(
        default="ddp", description="ddp: each rank holds the network; fsdp: each holds a part of it"
    )
    compile: bool = Field(default=False, description="torch.compile, worth its minute in long training")


class MlpParams(NeuralParams):
    stream: bool | None = Field(
        default=None,
        description="reads the dataset piece by piece; when left out, one of more than 500 MB unpacked",
    )
    hidden: list[Width] = Field(default=[256, 128], max_length=50)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class PictureParams(Params):
    """What pictures are brought to."""

    image_size: int | None = Field(
        default=None,
        ge=4,
        le=4096,
        description="pixels of each side; that of the first picture when left out",
    )
    channels: Literal[1, 3] | None = Field(
        default=None, description="1 grey, 3 colours; those of the first picture when left out"
    )


class ImageParams(PictureParams, NeuralParams):
    """What all networks of PyTorch for pictures have in common."""


class CnnParams(ImageParams):
    widths: list[Width] = Field(
        default=[32, 64], min_length=1, max_length=8, description="channels of each stage"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1)


CHANGEABLE = (
    "learning_rate",
    "weight_decay",
    "batch_size",
    "clip_norm",
    "dropout",
    "schedule",
    "warmup",
)
NEURAL = (
    NetworkAlgorithm(
        name="mlp",
        summary="Multi-layer perceptron",
        tasks=BOTH,
        params=MlpParams,
        changeable=CHANGEABLE,
        shape=("hidden", "dropout"),
    ),
    NetworkAlgorithm(
        name="cnn",
        summary="Small convolutional network for pictures",
        tasks=(CLASSIFICATION,),
        params=CnnParams,
        changeable=CHANGEABLE,
        inputs="pictures",
        packages=("pillow",),
        shape=("widths", "dropout"),
    ),
    NetworkAlgorithm(
        name="resnet18",
        changeable=CHANGEABLE,
        summary="Residual network of 18 layers for pictures",
        tasks=(CLASSIFICATION,),
        params=ImageParams,
        inputs="pictures",
        packages=("pillow",),
    ),
    NetworkAlgorithm(
        name="resnet50",
        changeable=CHANGEABLE,
        summary="Residual network of 50 layers for pictures",
        tasks=(CLASSIFICATION,),
        params=ImageParams,
        inputs="pictures",
        packages=("pillow",),
    ),
)
