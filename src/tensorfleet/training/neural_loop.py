"""The training loop of networks: steps, epochs, and where it can be left and taken up again.

Everything that is random follows from (seed, epoch, rank) and from how much of the epoch is done, so a run that was
interrupted at any step ends with the same weights as one that never stopped.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training.algorithms.neural import NeuralParams
from tensorfleet.training.gang import SAVE, STOP, Agreement, Exchange
from tensorfleet.training.neural_steps import (
    epoch_metrics,
    epoch_seed,
    loss_function,
    train_step,
)
from tensorfleet.training.optimizing import Best, Optimizer
from tensorfleet.training.parallel import spread
from tensorfleet.training.policy import Timer
from tensorfleet.training.rng import apply as restore_rng

if TYPE_CHECKING:
    import torch
    from torch._C._distributed_c10d import Store

    from tensorfleet.training.session import Session
    from tensorfleet.training.streaming import Stream, StreamBatches
    from tensorfleet.training.tensors import Batches, Tensors


@dataclass
class Position:
    """How far training has come.

    Attributes:
        epoch: the one under way, from 1.
        start: rows of its order that were used before this gang's batches begin; above 0 after the gang changed its size.
        batch: how many of the batches from there on are done.
        step: optimizer steps since the beginning of training.
    """

    epoch: int = 1
    start: int = 0
    batch: int = 0
    step: int = 0

    def begin(self, epoch: int) -> None:
        self.epoch, self.start, self.batch = epoch, 0, 0


class Loop:
    """Trains `network` on this rank's share of the rows, together with the other ranks."""

    def __init__(
        self,
        session: Session,
        network: torch.nn.Module,
        data: Tensors | Stream,
        params: NeuralParams,
        store: Store | None,
    ) -> None:
        import torch

        context = session.context
        self._session, self._network, self._data, self._params = session, network, data, params
        self._rank, self._world_size = context.rank, context.world_size
        self._spread = spread(network, params.parallel, self._world_size)
        self._optimizer = Optimizer(network, params, data.device)
        self._best = Best(params.early_stopping)
        self._loss_of = loss_function(data)
        self._loss_sum = torch.zeros((), dtype=torch.float64, device=data.device)
        self._agreement = Agreement(store, self._rank, self._world_size)
        session.saver.exchange = Exchange(store, self._world_size)
        self._timer = Timer(context.policy.every_minutes)
        self._last_epoch = min(params.epochs, context.until or params.epochs)
        self.position = Position()
        random_state = self._resume()
        self._spread.start(self._world_size)
        self._model = self._spread.model
        if params.compile:
            self._model.compile()
        if random_state is not None:
            restore_rng(random_state)

    def run(self) -> bool:
        """Runs the epochs that are left; False when it was asked to stop, and its state is saved."""
        self._session.listen_for_stop()
        if self._world_size > 1:
            self._session.timeline.mark("joined")
        while self.position.epoch <= self._last_epoch and not self._best.ended(self.position.epoch - 1):
            if not self._epoch():
                self._session.saver.wait()
                return False
        if self._session.context.until is not None:
            self._session.ensure_saved(self.position.step)
        return True

    def weights(self) -> dict[str, torch.Tensor]:
        """The whole network's state, of the best epoch where that counts.  All ranks have to ask for it together."""
        return self._best.weights or self._spread.weights()

    def _copied(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self._spread.weights().items()}

    def _epoch(self) -> bool:
        began, place, last = time.perf_counter(), self.position, None
        batches = self._batches()
        if place.batch == 0:
            self._seed()
        for x, y in self._session.reading(batches.read(place.batch)):
            self._step(x, y, self._done(len(batches)))
            last = self._agreement.after(place.step, self._wish())
            if place.batch < len(batches):
                if last or self._policy.after_step(place.step):
                    self._save()
                if last == STOP:
                    return False
        self._close_epoch(place.start + batches.rows_before(len(batches)), began)
        epoch = place.epoch - 1
        over = epoch == self._last_epoch or self._best.ended(epoch)
        handed_on = over and self._session.context.until is not None
        if last or handed_on or self._policy.after_epoch(epoch) or self._policy.after_step(place.step):
            self._save()
        return last != STOP or over

    def _done(self, batches: int) -> float:
        """The share of the whole training that is behind, of an epoch of so many batches."""
        place = self.position
        used = place.start / self._data.rows
        within = used + (1 - used) * place.batch / batches
        return (place.epoch - 1 + within) / self._params.epochs

    def _batches(self) -> Batches | StreamBatches:
        place = self.position
        return self._data.batches(place.epoch, place.start, self._params.batch_size)

    def _seed(self) -> None:
        import torch

        place = self.position
        torch.manual_seed(epoch_seed(self._session.context.seed + place.start, place.epoch, self._rank))

    def _step(self, x: torch.Tensor, y: torch.Tensor, done: float) -> None:
        accumulation = self._session.context.accumulation
        self._loss_sum += train_step(self._model, self._optimizer, self._loss_of, x, y, accumulation, done)
        self.position.batch += 1
        self.position.step += 1
        self._session.stepped(self.position.step, len(y), len(y) * self._world_size)

    def _wish(self) -> str | None:
        if self._session.stop.asked:
            return STOP
        return SAVE if self._rank == 0 and self._timer.due() else None

    def _close_epoch(self, rows: int, began: float) -> None:
        """Reports the epoch, of which `rows` were trained on, and turns to the next."""
        epoch, params = self.position.epoch, self._params
        whole = self._data.watched_apart or not self._spread.shares_evaluation
        share = slice(0, None) if whole else slice(self._rank, None, self._world_size)
        with self._session.phase("evaluation"):
            metrics = epoch_metrics(self._network, self._data, self._loss_sum, rows, share, self._world_size)
        if not math.isfinite(metrics["loss"]):
            raise InvalidInput(
                f"the loss is {metrics['loss']} in epoch {epoch};"
                f" lower hyperparameters.learning_rate ({params.learning_rate})"
            )
        if self._rank == 0:
            shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            print(f"epoch {epoch}/{params.epochs}  {shown}  {time.perf_counter() - began:.2f} s", flush=True)
            self._session.report(step=epoch, **metrics)
            self._session.progress(epoch / params.epochs)
        self._best.after_epoch(epoch, metrics.get("accuracy", -metrics.get("rmse", 0.0)), self._copied)
        self._loss_sum.zero_()
        self.position.begin(epoch + 1)

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    @property
    def _policy(self) -> Any:
        return self._session.context.policy

    def _save(self) -> None:
        place = self.position
        state = {
            "network": self._spread.weights(),
            "optimizer": self._spread.optimizer_state(self._optimizer.inner),
            "optimizing": self._optimizer.state() | {"best": self._best.state()},
            "epoch": place.epoch - 1,
            "start": place.start,
            "batch": place.batch,
            "step": place.step,
            "used": place.start + (self._batches().rows_before(place.batch) if place.batch else 0),
            "cut": self._cut(),
        }
        self._session.save_builtin(
            state, place.step, mine={"loss_sum": self._loss_sum.item()}, epoch=place.epoch - 1
        )
        self._timer.reset()

    def _cut(self) -> list[int]:
        """What the way in which an epoch is cut into batches follows from."""
        return [self._data.rows, self._world_size, self._params.batch_size]

    def _resume(self) -> Any:
        """Goes to where the job's checkpoint was made, if there is one; returns the state of this rank's random numbers."""
        state = self._session.restore(rng=False)
        restored = self._session.restored
        if state is None or restored is None:
            return None
        self._load(state)
        place = self.position = Position(state["epoch"] + 1, state["start"], state["batch"], state["step"])
        print(f"resuming in epoch {place.epoch}, after step {place.step}", flush=True)
        mine = restored.part(self._rank, self._world_size)
        if state["cut"] == self._cut() and mine:
            self._loss_sum += mine["mine"]["loss_sum"]
            return mine["rng"]
        # Another number of ranks, or other batches: the rest of the epoch is cut anew.
        same_rows = state["cut"][0] == self._data.rows and not self._data.watched_apart
        place.start, place.batch = (state["used"] if same_rows else 0), 0
        if self._rank == 0 and place.start:
            self._loss_sum += sum(part["mine"]["loss_sum"] for part in restored.parts)
        return None

    def _load(self, state: dict[str, Any]) -> None:
        params = self._params
        try:
            self._spread.load(state["network"], self._optimizer.inner, state["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise InvalidInput(
                "the checkpoint is of another network; the hyperparameters that shape it, hyperparameters.parallel and the"
                f" dataset's columns have to stay as they were ({str(error).splitlines()[0]})"
            ) from error
        optimizing = state.get("optimizing") or {}
        if optimizing:
            self._optimizer.load(optimizing)
            self._best.load(optimizing["best"])
        for (
            group
        ) in self._optimizer.inner.param_groups:  # those of this job, which may have been forked with others
            group["lr"], group["weight_decay"] = params.learning_rate, params.weight_decay
