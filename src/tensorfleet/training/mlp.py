"""A multi-layer perceptron, trained by all ranks of the job with DistributedDataParallel.

Everything that is random follows from (seed, epoch, rank), so a run that was resumed from a checkpoint ends with
the same weights as one that never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput
from tensorfleet.training import artifacts, preprocessing
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.distributed import device, open_store, process_group
from tensorfleet.training.evaluation import evaluate
from tensorfleet.training.network import (
    NetworkModel,
    as_tensor,
    build_network,
    forward_in_parts,
    pack_network,
)
from tensorfleet.training.registry import CLASSIFICATION, Algorithm, MlpParams

if TYPE_CHECKING:
    import torch

    from tensorfleet.training.session import Session

LossOf = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


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
    store = open_store(context) if context.rank == 0 else None
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
    with process_group(context, store or open_store(context)):
        fit(session, network, data, params)
    if context.rank != 0:
        return {"metrics": {}, "evaluation": {}, "model": None}
    model = NetworkModel(network.cpu(), data.prepare, data.classes, data.scale)
    return _outcome(session, problem, model, config)


def fit(session: Session, network: torch.nn.Module, data: Tensors, params: MlpParams) -> None:
    """Runs the epochs that are left, reporting each, saving as the job's policy says."""
    import torch

    context = session.context
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
    )
    first = _resume(session, network, optimizer) + 1
    model = network
    if context.world_size > 1:
        model = torch.nn.parallel.DistributedDataParallel(network)
    every = context.checkpoint_policy("every_epochs", 1)
    loss_of = loss_function(data)
    for epoch in range(first, params.epochs + 1):
        started = time.perf_counter()
        torch.manual_seed(epoch_seed(context.seed, epoch, context.rank))
        batches = epoch_batches(
            len(data.x), context.rank, context.world_size, context.seed, epoch, params.batch_size
        )
        losses = list(train_steps(model, optimizer, loss_of, data.x, data.y, batches))
        metrics = _epoch_metrics(
            network, data, torch.stack(losses).sum(), loss_of, context.rank, context.world_size
        )
        if not math.isfinite(metrics["loss"]):
            raise InvalidInput(
                f"the loss is {metrics['loss']} in epoch {epoch};"
                f" lower hyperparameters.learning_rate ({params.learning_rate})"
            )
        if context.rank == 0:
            shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            print(
                f"epoch {epoch}/{params.epochs}  {shown}  {time.perf_counter() - started:.2f} s", flush=True
            )
            session.report(step=epoch, **metrics)
            session.progress(epoch / params.epochs)
        if epoch % every == 0:
            session.save(
                {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch},
                step=epoch,
            )


def train_steps(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_of: LossOf,
    x: torch.Tensor,
    y: torch.Tensor,
    batches: list[torch.Tensor],
) -> Iterator[torch.Tensor]:
    """Takes one optimizer step per batch, yielding after each the sum of its rows' losses."""
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(x[batch]), y[batch])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield loss.detach() * len(batch)


def epoch_batches(
    rows: int, rank: int, world_size: int, seed: int, epoch: int, batch_size: int
) -> list[torch.Tensor]:
    """Row numbers of this rank's batches.  All ranks' are disjoint, cover the rows, and are equally many."""
    import torch

    generator = torch.Generator().manual_seed(epoch_seed(seed, epoch, rank=-1))
    order = torch.randperm(rows, generator=generator)
    steps = math.ceil(math.ceil(rows / world_size) / batch_size)
    # Shards differ by one row at most; cut into equally many parts none of them is left without a batch.
    return list(order[rank::world_size].tensor_split(min(steps, rows // world_size)))


def epoch_seed(seed: int, epoch: int, rank: int) -> int:
    """A number for each (seed, epoch, rank); rank -1 stands for what all ranks share."""
    return ((seed * 1_000_003 + epoch) * 1_000_003 + rank + 1) % 2**63


def loss_function(data: Tensors) -> LossOf:
    from torch.nn import functional

    if data.classes is not None:
        return functional.cross_entropy
    return lambda outputs, y: functional.mse_loss(outputs[:, 0], y)


def _epoch_metrics(
    network: torch.nn.Module,
    data: Tensors,
    loss_sum: torch.Tensor,
    loss_of: LossOf,
    rank: int,
    world_size: int,
) -> dict[str, float]:
    """The loss over all ranks' rows and the held-out accuracy or error; each rank does its share."""
    import torch

    y = data.held_out_y[rank::world_size]
    outputs = (
        forward_in_parts(network, data.held_out_x[rank::world_size])
        if len(y)
        else data.held_out_x.new_zeros(0, data.outputs)
    )
    right = (
        (outputs.argmax(dim=1) == y).sum() if data.classes is not None else ((outputs[:, 0] - y) ** 2).sum()
    )
    totals = torch.stack([loss_sum.double(), right.double()])
    if world_size > 1:
        torch.distributed.all_reduce(totals)
    loss, held_out = totals[0].item() / len(data.x), totals[1].item() / len(data.held_out_y)
    if data.classes is not None:
        return {"loss": loss, "accuracy": held_out}
    return {"loss": loss, "rmse": math.sqrt(held_out) * data.scale[1]}


def _resume(session: Session, network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Loads the job's checkpoint, if there is one, and returns the epoch that it ends."""
    state = session.restore()
    if state is None:
        return 0
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"resuming after epoch {state['epoch']}", flush=True)
    return int(state["epoch"])


def _outcome(
    session: Session, problem: Problem, model: NetworkModel, config: dict[str, Any]
) -> dict[str, Any]:
    held_out = problem.features[problem.held_out]
    probabilities = None if model.classes_ is None else model.predict_proba(held_out)
    metrics, evaluation = evaluate(problem, model.classes_, model.predict(held_out), probabilities)
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    published = artifacts.publish_torch(session, problem, model.classes_, pack_network(model, config))
    return {"metrics": metrics, "evaluation": evaluation, "model": published}
