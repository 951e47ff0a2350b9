"""A multi-layer perceptron, trained by all ranks of the job with DistributedDataParallel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid
from tensorfleet.training import artifacts, preprocessing
from tensorfleet.training.algorithm import CLASSIFICATION, Algorithm
from tensorfleet.training.algorithms.mlp import MlpParams
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.distributed import device, open_store, process_group
from tensorfleet.training.evaluation import evaluate
from tensorfleet.training.mlp_loop import Loop
from tensorfleet.training.network import NetworkModel, as_tensor, build_network, pack_network
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    import torch

    from tensorfleet.training.session import Session


class Tensors:
    """The problem on this rank's device: x float32 [rows, inputs], y [rows], int64 classes or float32."""

    def __init__(self, problem: Problem, where: torch.device) -> None:
        import numpy as np
        import torch

        training = problem.features[problem.train]
        kinds = preprocessing.column_kinds(training)
        if not kinds:
            raise DataInvalid(f"no column is left to predict '{problem.target}' from")
        self.prepare = preprocessing.build(training, kinds, scale=True, dense=True)
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


def train(session: Session, algorithm: Algorithm, params: MlpParams) -> dict[str, Any]:
    """Trains with the job's other ranks and returns the task's outcome; rank 0's has the model."""
    import torch

    context = session.context
    opened = open_store(context) if context.rank == 0 else None
    problem = load_problem(session, algorithm)
    if len(problem.train) < context.world_size:
        raise DataInvalid(f"{len(problem.train)} training rows are too few for {context.world_size} workers")
    where = device(context)
    data = Tensors(problem, where)
    config: dict[str, Any] = {
        "inputs": data.x.shape[1],
        "hidden": params.hidden,
        "outputs": data.outputs,
        "dropout": params.dropout,
    }
    torch.manual_seed(context.seed)
    network = build_network(**config).to(where)
    if context.rank == 0:
        print(
            f"mlp: {problem.task} of '{problem.target}' on {len(problem.train)} rows,"
            f" {config['inputs']} inputs, {context.world_size} rank{'s' * (context.world_size > 1)}",
            flush=True,
        )
    store = opened or open_store(context)
    with process_group(context, store):
        done, step = _fit(Loop(session, network, data, params, store))
    if not done:
        raise Stopped(step)
    if context.rank != 0:
        return {"metrics": {}, "evaluation": {}, "model": None}
    model = NetworkModel(network.cpu(), data.prepare, data.classes, data.scale)
    return _outcome(session, problem, model, config)


def _fit(loop: Loop) -> tuple[bool, int]:
    """Whether training came to its end, and its last step; the loop and its DDP model are gone when this returns."""
    return loop.run(), loop.position.step


def _outcome(
    session: Session, problem: Problem, model: NetworkModel, config: dict[str, Any]
) -> dict[str, Any]:
    held_out = problem.features[problem.held_out]
    probabilities = None if model.classes_ is None else model.predict_proba(held_out)
    metrics, evaluation = evaluate(problem, model.classes_, model.predict(held_out), probabilities)
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    published = artifacts.publish_torch(session, problem, model.classes_, pack_network(model, config))
    return {"metrics": metrics, "evaluation": evaluation, "model": published}
