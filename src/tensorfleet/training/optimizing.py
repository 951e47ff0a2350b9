"""How a network's weights are changed: the optimizer, its learning rate over time, precision, and when to end early."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput

if TYPE_CHECKING:
    import torch

    from tensorfleet.training.algorithms.neural import NeuralParams, TrainingParams


def learning_rate(params: TrainingParams, done: float) -> float:
    """The learning rate when the share `done` of the training, 0 to 1, is behind.

    It follows from the share alone, so a run that is resumed, or goes on with another number of ranks, finds it again.
    """
    if done < params.warmup:
        return params.learning_rate * done / params.warmup
    left = (1 - done) / (1 - params.warmup)
    factor = {"constant": 1.0, "linear": left, "cosine": (1 - math.cos(math.pi * left)) / 2}[params.schedule]
    return params.learning_rate * factor


class Optimizer:
    """AdamW with the learning rate's schedule, clipped gradients and reduced precision, as the hyperparameters ask."""

    def __init__(self, network: torch.nn.Module, params: NeuralParams, where: torch.device) -> None:
        import torch

        if params.precision == "fp16" and where.type == "cpu":
            raise InvalidInput(
                "hyperparameters.precision is fp16, which needs a GPU; bf16 and fp32 work on a CPU"
            )
        self._network = network
        self._params = params
        self._where = where
        # fsdp's parameters are spread over the ranks; torch's fused kernel does not take those on a CPU.
        fused = params.parallel == "ddp"
        self.inner = torch.optim.AdamW(
            network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=fused
        )
        self._steady = params.schedule == "constant" and not params.warmup
        self._scaler = torch.amp.GradScaler(where.type, enabled=params.precision == "fp16")

    def begin(self, done: float) -> None:
        """Forgets the gradients, and sets the learning rate for the share of the training that is done."""
        self.inner.zero_grad(set_to_none=True)
        if not self._steady:
            rate = learning_rate(self._params, done)
            for group in self.inner.param_groups:
                group["lr"] = rate

    def precision(self) -> AbstractContextManager[Any]:
        """Inside it, the forward pass computes in the precision that was asked for."""
        import torch

        if self._params.precision == "fp32":
            return nullcontext()
        kind = torch.bfloat16 if self._params.precision == "bf16" else torch.float16
        return torch.autocast(self._where.type, dtype=kind)

    def backward(self, loss: torch.Tensor) -> None:
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def step(self) -> None:
        import torch

        if self._params.clip_norm is not None:
            self._scaler.unscale_(self.inner)
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._params.clip_norm)
        self._scaler.step(self.inner)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        return {"scaler": self._scaler.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        self._scaler.load_state_dict(state["scaler"])


@dataclass
class Best:
    """The best epoch so far, of a run that may end early.

    Attributes:
        weights: the network's state after it.
    """

    patience: int | None
    value: float = -math.inf
    epoch: int = 0
    weights: dict[str, Any] | None = None

    def after_epoch(self, epoch: int, value: float, state: Callable[[], dict[str, Any]]) -> None:
        """Notes an epoch whose held-out value, of which more is better, is this; `state` gives a copy of the weights."""
        if self.patience is not None and value > self.value:
            self.value, self.epoch = value, epoch
            self.weights = state()

    def ended(self, epoch: int) -> bool:
        """Whether none has been better for too long, after this epoch."""
        return self.patience is not None and self.epoch > 0 and epoch - self.epoch >= self.patience

    def state(self) -> dict[str, Any]:
        return {"value": self.value, "epoch": self.epoch, "weights": self.weights} if self.epoch else {}

    def load(self, state: dict[str, Any]) -> None:
        if state and self.patience is not None:
            self.value, self.epoch, self.weights = state["value"], state["epoch"], state["weights"]
