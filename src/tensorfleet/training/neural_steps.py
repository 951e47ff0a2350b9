"""What one step and one epoch of the multi-layer perceptron compute, and on which rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from tensorfleet.training.network import forward_in_parts

if TYPE_CHECKING:
    import torch

    from tensorfleet.training.optimizing import Optimizer
    from tensorfleet.training.streaming import Stream
    from tensorfleet.training.tensors import Tensors

LossOf = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def train_step(
    model: torch.nn.Module,
    optimizer: Optimizer,
    loss_of: LossOf,
    x: torch.Tensor,
    y: torch.Tensor,
    accumulation: int = 1,
    done: float = 0.0,
) -> torch.Tensor:
    """Takes one optimizer step on a batch; returns the sum of its rows' losses, a float64.

    Args:
        x: [rows, ...]
        y: [rows]
        done: the share of the training that is behind, which the learning rate follows.
        accumulation: the rows go through the network in so many parts, one after the other, for less memory; their gradients
            add up to those of the whole batch.
    """
    import torch

    optimizer.begin(done)
    count = min(accumulation, len(x))
    parts = list(zip(x.tensor_split(count), y.tensor_split(count), strict=True))
    sums = []
    for number, (part, truth) in enumerate(parts, start=1):
        with _apart(model) if number < len(parts) else nullcontext():
            with optimizer.precision():
                loss = loss_of(model(part), truth)
            share = loss if len(parts) == 1 else loss * (len(part) / len(x))
            optimizer.backward(share)
        sums.append(loss.detach().double() * len(part))
    optimizer.step()
    return torch.stack(sums).sum()


def _apart(model: torch.nn.Module) -> AbstractContextManager[None]:
    """Gradients are added up on this rank, and averaged over the ranks with the last part only."""
    apart: Callable[[], AbstractContextManager[None]] | None = getattr(model, "no_sync", None)
    return apart() if apart is not None else nullcontext()


def global_batches(
    rows: int, world_size: int, seed: int, epoch: int, batch_size: int, start: int = 0
) -> list[torch.Tensor]:
    """Row numbers of the batches of all ranks together, in order, from the `start`-th row of the epoch on.

    Each has a row at least for every rank; fewer rows than ranks are no batch.
    """
    import torch

    generator = torch.Generator().manual_seed(epoch_seed(seed, epoch, rank=-1))
    order = torch.randperm(rows, generator=generator)[start:]
    steps = batch_count(len(order), world_size, batch_size)
    return list(order.tensor_split(steps)) if steps else []


def batch_count(rows: int, world_size: int, batch_size: int) -> int:
    """How many batches so many rows are, with at most about `batch_size` and at least one for each rank."""
    return min(math.ceil(math.ceil(rows / world_size) / batch_size), rows // world_size)


def epoch_batches(
    rows: int, rank: int, world_size: int, seed: int, epoch: int, batch_size: int
) -> list[torch.Tensor]:
    """Row numbers of this rank's batches.  All ranks' are disjoint, cover the rows, and are equally many."""
    batches = global_batches(rows, world_size, seed, epoch, batch_size)
    return [batch[rank::world_size] for batch in batches]


def epoch_seed(seed: int, epoch: int, rank: int) -> int:
    """A number for each (seed, epoch, rank); rank -1 stands for what all ranks share."""
    return ((seed * 1_000_003 + epoch) * 1_000_003 + rank + 1) % 2**63


def loss_function(data: Tensors | Stream) -> LossOf:
    from torch.nn import functional

    if data.classes is not None:
        return functional.cross_entropy
    return lambda outputs, y: functional.mse_loss(outputs[:, 0], y)


def epoch_metrics(
    network: torch.nn.Module,
    data: Tensors | Stream,
    loss_sum: torch.Tensor,
    rows: int,
    share: slice,
    world_size: int,
) -> dict[str, float]:
    """The loss over all ranks' `rows`, and the accuracy or error on the rows that are watched.

    Args:
        share: which of these this rank evaluates; all of them on each rank count as often.
    """
    import torch

    y = data.watched_y[share]
    outputs = (
        forward_in_parts(network, data.watched_x[share])
        if len(y)
        else data.watched_x.new_zeros(0, data.outputs)
    )
    right = (
        (outputs.argmax(dim=1) == y).sum() if data.classes is not None else ((outputs[:, 0] - y) ** 2).sum()
    )
    totals = torch.stack([loss_sum, right.double(), torch.tensor(float(len(y))).to(loss_sum)])
    if world_size > 1:
        torch.distributed.all_reduce(totals)
    loss, held_out = totals[0].item() / rows, totals[1].item() / totals[2].item()
    if data.classes is not None:
        return {"loss": loss, "accuracy": held_out}
    return {"loss": loss, "rmse": math.sqrt(held_out) * data.scale[1]}
