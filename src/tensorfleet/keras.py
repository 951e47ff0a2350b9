"""A callback for Keras's `model.fit`: the metrics, checkpoints and stops of own code; the same by hand."""

from __future__ import annotations

from typing import Any

import keras

from tensorfleet.training import train
from tensorfleet.training.keras_replica import assign, values_of

__all__ = ["Fleet"]


class Fleet(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports each epoch's figures and saves the model with its optimizer; goes on from what was saved last.

        fleet = Fleet(model)  # compiled, and its inputs known
        model.fit(x, y, epochs=20, initial_epoch=fleet.epoch, callbacks=[fleet])

    When the platform asks the job to stop, it ends after the epoch under way, with its state saved.

    Attributes:
        epoch: how many epochs are behind.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        model.optimizer.build(model.trainable_variables)
        self.epoch = 0
        state = train.restore()
        if state is not None:
            assign(model.variables, state["model"])
            assign(model.optimizer.variables, state["optimizer"])
            self.epoch = int(state["epoch"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch + 1
        train.report(step=self.epoch, **(logs or {}))
        train.progress(self.epoch / self.params["epochs"])
        state = {
            "model": values_of(self.model.variables),
            "optimizer": values_of(self.model.optimizer.variables),
        }
        train.save(state | {"epoch": self.epoch}, step=self.epoch)
