"""The training loop of Keras networks: every rank computes on its share of each batch, and all take the same step.

What the ranks say to each other goes over `meeting`, once a step: gradients, losses, and whether one of them was asked to stop.
Everything that is random follows from (seed, step, rank), so nothing of it is in a checkpoint.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.training.boosted_rounds import agree
from tensorfleet.training.neural_loop import Position
from tensorfleet.training.neural_steps import epoch_seed
from tensorfleet.training.optimizing import Best, learning_rate
from tensorfleet.training.policy import Timer

if TYPE_CHECKING:
    from tensorfleet.training.algorithms.neural import TrainingParams
    from tensorfleet.training.keras_data import Arrays
    from tensorfleet.training.keras_replica import Replica
    from tensorfleet.training.meeting import Meeting
    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

LIBRARY = "keras"
_NOTHING, _SAVE, _STOP = 0.0, 1.0, 2.0


class KerasLoop:
    """Trains `replica` on this rank's share of the rows, together with the other ranks."""

    def __init__(
        self, session: Session, replica: Replica, data: Arrays, params: TrainingParams, meeting: Meeting
    ) -> None:
        self._session, self._replica, self._data, self._params = session, replica, data, params
        self._meeting = meeting
        self._policy = session.context.policy
        self._timer = Timer(self._policy.every_minutes)
        self._best = Best(params.early_stopping)
        self._loss_sum = 0.0
        self.position = Position()
        self._resume()

    def run(self) -> bool:
        """Runs the epochs that are left; False when it was asked to stop, and its state is saved."""
        self._session.listen_for_stop()
        while self.position.epoch <= self._params.epochs and not self._best.ended(self.position.epoch - 1):
            if not self._epoch():
                self._session.saver.wait()
                return False
        if self._best.weights is not None:
            self._replica.set_weights(self._best.weights)
        return True

    def _epoch(self) -> bool:
        began, place, wish = time.perf_counter(), self.position, _NOTHING
        batches = self._data.batches(place.epoch, place.start, self._params.batch_size)
        for x, y in batches.read(place.batch):
            wish = self._step(x, y, len(batches))
            if place.batch < len(batches):
                if wish or self._policy.after_step(place.step):
                    self._save()
                if wish == _STOP:
                    return False
        self._close_epoch(place.start + batches.rows_before(len(batches)), began)
        epoch = place.epoch - 1
        if wish or self._policy.after_epoch(epoch) or self._policy.after_step(place.step):
            self._save()
        return wish != _STOP or epoch == self._params.epochs or self._best.ended(epoch)

    def _step(self, x: Array, y: Array, batches: int) -> float:
        """One step of all ranks; returns what one of them wants: to save, or to stop."""
        place, context = self.position, self._session.context
        rate = learning_rate(self._params, self._done(batches))
        self._replica.seed(epoch_seed(context.seed, place.step, context.rank))
        loss, vector = self._replica.learn(x, y, context.accumulation)
        (rows, loss), wish, vector = self._together([len(x), loss], vector)
        self._replica.apply(vector / np.float32(rows), rate)
        self._loss_sum += loss
        place.batch += 1
        place.step += 1
        self._session.beat(place.step)
        return wish

    def _done(self, batches: int) -> float:
        """The share of the whole training that is behind, of an epoch of so many batches."""
        place = self.position
        used = place.start / self._data.rows
        return (place.epoch - 1 + used + (1 - used) * place.batch / batches) / self._params.epochs

    def _together(self, numbers: list[float], vector: Array) -> tuple[list[float], float, Array]:
        """The sums over all ranks, in their order, and the strongest of their wishes."""
        mine = np.array([*numbers, self._wish()])
        if self._meeting.world_size == 1:
            return numbers, float(mine[-1]), vector
        said = self._meeting.gather(mine.tobytes() + vector.tobytes())
        summed = None if said is None else _sum(said, mine.nbytes)
        total = self._meeting.broadcast(summed)
        *sums, wish = np.frombuffer(total[: mine.nbytes]).tolist()
        return sums, wish, np.frombuffer(total[mine.nbytes :], dtype=np.float32)

    def _wish(self) -> float:
        if self._session.stop.asked:
            return _STOP
        return _SAVE if self._session.context.rank == 0 and self._timer.due() else _NOTHING

    def _close_epoch(self, rows: int, began: float) -> None:
        """Reports the epoch, of which `rows` were trained on, and turns to the next."""
        epoch, params = self.position.epoch, self._params
        metrics = self._metrics(rows)
        if not math.isfinite(metrics["loss"]):
            raise InvalidInput(
                f"the loss is {metrics['loss']} in epoch {epoch};"
                f" lower hyperparameters.learning_rate ({params.learning_rate})"
            )
        if self._session.context.rank == 0:
            shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            print(f"epoch {epoch}/{params.epochs}  {shown}  {time.perf_counter() - began:.2f} s", flush=True)
            self._session.report(step=epoch, **metrics)
            self._session.progress(epoch / params.epochs)
        value = metrics.get("accuracy", -metrics.get("rmse", 0.0))
        self._best.after_epoch(epoch, value, self._replica.weights)
        self._loss_sum = 0.0
        self.position.begin(epoch + 1)

    def _metrics(self, rows: int) -> dict[str, float]:
        """The loss over all ranks' `rows`, and the accuracy or error on the watched rows, of which each rank takes its share."""
        data = self._data
        share = slice(data.rank, None, data.world_size)
        outputs, truth = self._replica.outputs(data.watched_x[share]), data.watched_y[share]
        counted = (
            outputs.argmax(axis=1) == truth if data.classes is not None else (outputs[:, 0] - truth) ** 2
        )
        (counts, watched), _, _ = self._together(
            [float(counted.sum(dtype=np.float64)), len(truth)], np.zeros(0, dtype=np.float32)
        )
        loss, mean = self._loss_sum / rows, counts / watched
        if data.classes is not None:
            return {"loss": loss, "accuracy": mean}
        return {"loss": loss, "rmse": math.sqrt(mean) * data.scale[1]}

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        """Rank 0 saves for all: the others have nothing of their own."""
        place = self.position
        batches = self._data.batches(place.epoch, place.start, self._params.batch_size)
        state = {
            "library": LIBRARY,
            "network": self._replica.weights(),
            "optimizer": self._replica.optimizer(),
            "best": self._best.state(),
            "loss_sum": self._loss_sum,
            "epoch": place.epoch - 1,
            "start": place.start,
            "batch": place.batch,
            "step": place.step,
            "used": place.start + batches.rows_before(place.batch),
            "cut": self._cut(),
        }
        self._session.save_builtin(state, place.step, all_parts=False, epoch=place.epoch - 1)
        self._timer.reset()

    def _cut(self) -> list[int]:
        """What the way in which an epoch is cut into batches follows from."""
        return [self._data.rows, self._meeting.world_size, self._params.batch_size]

    def _resume(self) -> None:
        """Goes to where the job's checkpoint was made, if there is one."""
        state = self._session.restore(rng=False)
        if state is not None:
            self._load(state)
        if len(set(agree(self._meeting, self.position.step))) > 1:
            raise Unavailable(
                "the ranks found different checkpoints to go on from; the next attempt looks again"
            )

    def _load(self, state: Any) -> None:
        if not isinstance(state, dict) or state.get("library") != LIBRARY:
            raise InvalidInput("the checkpoint is not of Keras; go on with the algorithm that made it")
        self._replica.set_weights(state["network"])
        self._replica.set_optimizer(state["optimizer"])
        self._best.load(state["best"])
        place = self.position = Position(state["epoch"] + 1, state["start"], state["batch"], state["step"])
        print(f"resuming in epoch {place.epoch}, after step {place.step}", flush=True)
        self._loss_sum = state["loss_sum"]
        if state["cut"] != self._cut():
            # Another number of ranks, or other batches: the rest of the epoch is cut anew.
            place.start, place.batch = (state["used"] if state["cut"][0] == self._data.rows else 0), 0
            self._loss_sum = self._loss_sum if place.start else 0.0


def _sum(said: list[bytes], head: int) -> bytes:
    """What all ranks said, added up in the order of the ranks; of the wishes, the last number of each head, the largest."""
    heads = np.array([np.frombuffer(one[:head]) for one in said])
    numbers = np.append(heads[:, :-1].sum(axis=0), heads[:, -1].max())
    vector = np.frombuffer(said[0][head:], dtype=np.float32).copy()
    for one in said[1:]:
        vector += np.frombuffer(one[head:], dtype=np.float32)
    return numbers.tobytes() + vector.tobytes()
