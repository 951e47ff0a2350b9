"""Networks as programs of `torch.export`, which run without our code: what they take is what the network itself takes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from tensorfleet.training.network import NetworkModel, as_tensor
from tensorfleet.training.texts import Tokens

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import torch
    from torch.export import ExportedProgram

    Array = np.ndarray[Any, Any]

TORCH_FILE = "model.pt2"
_EXAMPLE_ROWS = 2
"""Of one row the program would be for one row only."""


def exported(model: NetworkModel, frame: pl.DataFrame) -> ExportedProgram:
    """The program from what the transformer gives, of any number of rows, to probabilities or to the target's own numbers."""
    import torch

    x = _taken(model, frame)
    x = torch.cat([x] * -(-_EXAMPLE_ROWS // len(x)))[:_EXAMPLE_ROWS]
    any_size = {0: torch.export.Dim.DYNAMIC}
    if isinstance(model.prepare, Tokens):
        any_size[1] = torch.export.Dim.DYNAMIC
    program = torch.export.export(_whole(model).eval(), (x,), dynamic_shapes=(any_size,))
    for node in program.graph.nodes:  # they name files of this machine
        node.meta.pop("stack_trace", None)
    return program


def build_torch_export(model: Any, frame: pl.DataFrame) -> bytes:
    """The bytes of a `.pt2` file."""
    import torch

    file = io.BytesIO()
    torch.export.save(exported(model, frame), file)
    return file.getvalue()


def run_torch_export(data: bytes, model: NetworkModel, frame: pl.DataFrame) -> dict[str, Array]:
    """What a file that this process has just made gives for these rows; files of others are not for this."""
    import torch

    program = torch.export.load(io.BytesIO(data)).module()
    with torch.no_grad():
        found = program(_taken(model, frame)).numpy()
    return {"prediction" if model.classes_ is None else "probabilities": found}


def _taken(model: NetworkModel, frame: pl.DataFrame) -> torch.Tensor:
    return as_tensor(model.prepare.transform(frame))


def _whole(model: NetworkModel) -> torch.nn.Module:
    from torch import Tensor, nn

    mean, deviation = model.scale
    classifies = model.classes_ is not None

    class Whole(nn.Module):
        """The network with what makes answers of its outputs."""

        def __init__(self) -> None:
            super().__init__()
            self.network = model.network

        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = self.network(x)
            return outputs.softmax(dim=1) if classifies else outputs[:, 0] * deviation + mean

    return Whole()
