"""BERT: hyperparameters; `tensorfleet.training.neural` trains it."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from tensorfleet.training.algorithm import CLASSIFICATION, NetworkAlgorithm
from tensorfleet.training.algorithms.neural import CHANGEABLE, NeuralParams


class BertParams(NeuralParams):
    epochs: int = Field(default=3, ge=1, le=1_000_000)
    batch_size: int = Field(default=32, ge=1, description="rows per rank and step")
    learning_rate: float = Field(default=5e-4, gt=0, le=100, description="5e-5 for a pretrained network")
    pretrained: str | None = Field(
        default=None,
        max_length=500,
        description="a folder on the worker, or a name at the hub; it decides vocabulary, layers, width and heads",
    )
    length: int = Field(default=128, ge=4, le=4096, description="the most tokens of a row")
    vocabulary: int = Field(default=8000, ge=300, le=1_000_000)
    layers: int = Field(default=4, ge=1, le=100)
    width: int = Field(default=256, ge=8, le=16_384)
    heads: int = Field(default=4, ge=1, le=256)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @field_validator("heads")
    @classmethod
    def _divides_the_width(cls, heads: int, info: ValidationInfo) -> int:
        width = info.data.get("width")
        if width is not None and width % heads:
            raise ValueError(f"should divide the width, {width}")
        return heads


BERT = (
    NetworkAlgorithm(
        name="bert",
        summary="Transformer for texts (BERT), from scratch or pretrained",
        tasks=(CLASSIFICATION,),
        params=BertParams,
        changeable=CHANGEABLE,
        library="PyTorch, Transformers",
        inputs="texts",
        shape=("layers", "width", "heads", "dropout"),
        packages=("tokenizers", "transformers"),
    ),
)
