"""A learning problem as tensors that a network takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from tensorfleet.errors import DataInvalid
from tensorfleet.training import preprocessing
from tensorfleet.training.algorithm import CLASSIFICATION, NetworkAlgorithm
from tensorfleet.training.network import as_tensor
from tensorfleet.training.neural_steps import global_batches

if TYPE_CHECKING:
    import numpy as np
    import torch

    from tensorfleet.training.algorithms.bert import BertParams
    from tensorfleet.training.algorithms.neural import NeuralParams, TrainingParams
    from tensorfleet.training.context import TaskContext
    from tensorfleet.training.data import Problem
    from tensorfleet.training.texts import Pretrained

    Array = np.ndarray[Any, Any]


class Batches:
    """The batches of one epoch, of all ranks together; each rank takes its share of every one.

    Args:
        data: has `x` and `y`, tensors or arrays, and knows its `rank` and `world_size`.
        rows: row numbers of each batch.
    """

    def __init__(self, data: Any, rows: Sequence[Any]) -> None:
        self._data = data
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def rows_before(self, batch: int) -> int:
        """Rows of all ranks in the batches before this one."""
        return sum(map(len, self._rows[:batch]))

    def read(self, first: int) -> Iterator[tuple[Any, Any]]:
        """x and y of this rank's share of the batches, from the `first`-th on."""
        data = self._data
        for rows in self._rows[first:]:
            mine = rows[data.rank :: data.world_size]
            yield data.x[mine], data.y[mine]


class Tensors:
    """The problem in memory, on this rank's device.

    Attributes:
        rows: how many are trained on in an epoch, by all ranks.
        prepare: the fitted transformer from columns to `x`.
        x: the training rows: [rows, inputs] float32, pictures [rows, channels, size, size] uint8, or tokens [rows, length] int64.
        y: [rows], int64 positions in `classes`, or float32 in units of `scale`.
        watched_x, watched_y: what each epoch is measured on: the validation rows, or where there are none those held out.
        pretrained: whose weights the network begins with; None for random ones.
        scale: mean and standard deviation of a target of numbers.
    """

    watched_apart = False
    """All ranks have the same rows on which each epoch is measured."""

    def __init__(
        self,
        context: TaskContext,
        problem: Problem,
        algorithm: NetworkAlgorithm,
        params: NeuralParams,
        where: torch.device,
    ) -> None:
        import torch

        self.rank, self.world_size, self._seed = context.rank, context.world_size, context.seed
        self._problem = problem
        self.task, self.target, self.rows = problem.task, problem.target, len(problem.train)
        training = problem.features[problem.train]
        self.prepare, self.pretrained = preparation(problem, algorithm, params)
        self.x = as_tensor(self.prepare.fit_transform(training)).to(where)
        self.watched_x = as_tensor(self.prepare.transform(problem.features[problem.watched])).to(where)
        self.classes, self.scale, numbers = target_numbers(problem)
        y = torch.from_numpy(numbers)
        self.y = y[torch.from_numpy(problem.train)].to(where)
        self.watched_y = y[torch.from_numpy(problem.watched)].to(where)

    def problem(self) -> Problem:
        return self._problem

    def batches(self, epoch: int, start: int, batch_size: int) -> Batches:
        """The batches of an epoch behind its first `start` rows."""
        return Batches(self, global_batches(self.rows, self.world_size, self._seed, epoch, batch_size, start))

    @property
    def device(self) -> torch.device:
        return self.x.device

    @property
    def outputs(self) -> int:
        return 1 if self.classes is None else len(self.classes)

    def network_config(self, algorithm: NetworkAlgorithm, params: NeuralParams) -> dict[str, Any]:
        """The arguments of `build_network` for these inputs and outputs."""
        shape = {"inputs": self.x.shape[1]}
        if algorithm.inputs == "pictures":
            shape = {"channels": self.x.shape[1], "size": self.x.shape[2]}
        if algorithm.inputs == "texts":
            shape = {"vocabulary": self.prepare.tokens, "positions": self.prepare.length}
        chosen = {name: getattr(params, name) for name in algorithm.shape}
        decided = self.pretrained.shape() if self.pretrained else {}
        return {"network": algorithm.name, **shape, "outputs": self.outputs, **chosen, **decided}


def preparation(
    problem: Problem, algorithm: NetworkAlgorithm, params: TrainingParams
) -> tuple[Any, Pretrained | None]:
    """The unfitted transformer, and the network to begin with, if one is named."""
    if algorithm.inputs == "texts":
        from tensorfleet.training.texts import tokens_for

        return tokens_for(cast("BertParams", params))
    if algorithm.inputs == "pictures":
        from tensorfleet.training.pictures import Pictures

        wanted = params.model_dump()
        return Pictures(wanted["image_size"], wanted["channels"]), None
    training = problem.features[problem.train]
    kinds = preprocessing.column_kinds(training)
    if not kinds:
        raise DataInvalid(f"no column is left to predict '{problem.target}' from")
    return preprocessing.build(training, kinds, scale=True, dense=True, gaps=problem.features), None


def target_numbers(problem: Problem) -> tuple[Array | None, tuple[float, float], Array]:
    """The classes, the mean and deviation of a target of numbers, and [rows]: int64 positions in the classes, or float32."""
    import numpy as np

    if problem.task == CLASSIFICATION:
        classes = np.unique(problem.y)
        return classes, (0.0, 1.0), np.searchsorted(classes, problem.y)
    known = problem.y[problem.train]
    scale = (float(known.mean()), float(known.std()) or 1.0)
    return None, scale, ((problem.y - scale[0]) / scale[1]).astype(np.float32)
