"""A learning problem as tensors that a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid
from tensorfleet.training import preprocessing
from tensorfleet.training.algorithm import CLASSIFICATION, NetworkAlgorithm
from tensorfleet.training.network import as_tensor

if TYPE_CHECKING:
    import torch

    from tensorfleet.training.algorithms.neural import NeuralParams
    from tensorfleet.training.data import Problem


class Tensors:
    """The problem on this rank's device.

    Attributes:
        prepare: the fitted transformer from columns to `x`.
        x: [rows, inputs] float32, or pictures [rows, channels, size, size] uint8; the training rows.
        y: [rows], int64 positions in `classes`, or float32 in units of `scale`.
        scale: mean and standard deviation of a target of numbers.
    """

    def __init__(
        self, problem: Problem, algorithm: NetworkAlgorithm, params: NeuralParams, where: torch.device
    ) -> None:
        import numpy as np
        import torch

        training = problem.features[problem.train]
        self.prepare = _preparation(problem, algorithm, params)
        self.x = as_tensor(self.prepare.fit_transform(training)).to(where)
        self.held_out_x = as_tensor(self.prepare.transform(problem.features[problem.held_out])).to(where)
        self.scale = (0.0, 1.0)
        self.classes = None
        if problem.task == CLASSIFICATION:
            self.classes = np.unique(problem.y)
            y = torch.from_numpy(np.searchsorted(self.classes, problem.y))
        else:
            self.scale = (
                float(problem.y[problem.train].mean()),
                float(problem.y[problem.train].std()) or 1.0,
            )
            y = torch.from_numpy((problem.y - self.scale[0]) / self.scale[1]).float()
        self.y = y[torch.from_numpy(problem.train)].to(where)
        self.held_out_y = y[torch.from_numpy(problem.held_out)].to(where)

    @property
    def outputs(self) -> int:
        return 1 if self.classes is None else len(self.classes)

    def network_config(self, algorithm: NetworkAlgorithm, params: NeuralParams) -> dict[str, Any]:
        """The arguments of `build_network` for these inputs and outputs."""
        shape = {"inputs": self.x.shape[1]}
        if algorithm.inputs == "pictures":
            shape = {"channels": self.x.shape[1], "size": self.x.shape[2]}
        chosen = {name: getattr(params, name) for name in algorithm.shape}
        return {"network": algorithm.name, **shape, "outputs": self.outputs, **chosen}


def _preparation(problem: Problem, algorithm: NetworkAlgorithm, params: NeuralParams) -> Any:
    """The unfitted transformer."""
    if algorithm.inputs == "pictures":
        from tensorfleet.training.pictures import Pictures

        wanted = params.model_dump()
        return Pictures(wanted["image_size"], wanted["channels"])
    training = problem.features[problem.train]
    kinds = preprocessing.column_kinds(training)
    if not kinds:
        raise DataInvalid(f"no column is left to predict '{problem.target}' from")
    return preprocessing.build(training, kinds, scale=True, dense=True)
