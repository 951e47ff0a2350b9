"""A learning problem as arrays that a Keras network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tensorfleet.training.network import as_array
from tensorfleet.training.neural_steps import batch_count, epoch_seed
from tensorfleet.training.tensors import Batches, preparation, target_numbers

if TYPE_CHECKING:
    from tensorfleet.training.algorithm import NetworkAlgorithm
    from tensorfleet.training.algorithms.neural import TrainingParams
    from tensorfleet.training.context import TaskContext
    from tensorfleet.training.data import Problem

    Array = np.ndarray[Any, Any]


class Arrays:
    """The problem in memory; the same on all ranks.

    Attributes:
        prepare: the fitted transformer from columns to `x`.
        x: the training rows: [rows, inputs] float32, or pictures [rows, channels, size, size] uint8.
        y: [rows], int64 positions in `classes`, or float32 in units of `scale`.
        watched_x, watched_y: the rows on which it is measured while it trains.
        scale: mean and standard deviation of a target of numbers.
    """

    def __init__(
        self, context: TaskContext, problem: Problem, algorithm: NetworkAlgorithm, params: TrainingParams
    ) -> None:
        self.rank, self.world_size, self._seed = context.rank, context.world_size, context.seed
        self.prepare, _ = preparation(problem, algorithm, params)
        self.x = as_array(self.prepare.fit_transform(problem.features[problem.train]))
        self.watched_x = as_array(self.prepare.transform(problem.features[problem.watched]))
        self.classes, self.scale, y = target_numbers(problem)
        self.y, self.watched_y = y[problem.train], y[problem.watched]

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def outputs(self) -> int:
        return 1 if self.classes is None else len(self.classes)

    def batches(self, epoch: int, start: int, batch_size: int) -> Batches:
        """The batches of an epoch behind its first `start` rows."""
        draw = np.random.default_rng(epoch_seed(self._seed, epoch, rank=-1))
        order = draw.permutation(self.rows)[start:]
        count = batch_count(len(order), self.world_size, batch_size)
        return Batches(self, np.array_split(order, count) if count else [])

    def network_config(self, algorithm: NetworkAlgorithm, params: TrainingParams) -> dict[str, Any]:
        """The arguments of `build_keras`, and of `build_network`, for these inputs and outputs."""
        shape = {"inputs": self.x.shape[1]}
        if algorithm.inputs == "pictures":
            shape = {"channels": self.x.shape[1], "size": self.x.shape[2]}
        chosen = {name: getattr(params, name) for name in algorithm.shape}
        network = algorithm.name.removeprefix("keras_")
        return {"network": network, **shape, "outputs": self.outputs, **chosen}
