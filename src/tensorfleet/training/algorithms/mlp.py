"""The multi-layer perceptron: hyperparameters; `tensorfleet.training.mlp` trains it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tensorfleet.training.algorithm import BOTH, Algorithm, Params


class MlpParams(Params):
    hidden: list[Annotated[int, Field(ge=1, le=65_536)]] = Field(default=[256, 128], max_length=50)
    epochs: int = Field(default=20, ge=1, le=1_000_000)
    batch_size: int = Field(default=64, ge=1, description="rows per rank and step")
    learning_rate: float = Field(default=0.001, gt=0, le=100)
    weight_decay: float = Field(default=0.01, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


MLP = (
    Algorithm(
        name="mlp",
        summary="Multi-layer perceptron",
        tasks=BOTH,
        params=MlpParams,
        trainer="tensorfleet.training.mlp:train",
        library="PyTorch",
        distributes=True,
        accumulates=True,
        torch=True,
    ),
)
