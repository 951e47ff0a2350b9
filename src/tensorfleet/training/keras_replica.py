"""One rank's copy of a Keras network and of its optimizer, as numbers in and numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tensorfleet.errors import InvalidInput

if TYPE_CHECKING:
    from tensorfleet.training.algorithms.neural import TrainingParams

    Array = np.ndarray[Any, Any]

_ROWS_AT_A_TIME = 8192
_PICTURES_AT_A_TIME = 128


def prepare_tensorflow(seed: int, cpus: float) -> None:
    """Lets TensorFlow compute the same in each run, on so many CPUs."""
    threads = max(1, int(cpus))
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.clear_session()  # else a layer's name follows from what was made before it
    keras.utils.set_random_seed(seed % 2**32)
    tf.config.experimental.enable_op_determinism()


class Replica:
    """Ranks that `apply` the same vectors stay the same, to the last bit, on machines of the same kind.

    Args:
        classes: whether the outputs are logits of classes.
    """

    def __init__(self, network: keras.Model, params: TrainingParams, classes: bool) -> None:
        self._network, self._params, self._classes = network, params, classes
        self._optimizer = keras.optimizers.AdamW(params.learning_rate, weight_decay=params.weight_decay)
        self._optimizer.build(network.trainable_variables)
        self._statistics = network.non_trainable_weights  # means and variances of batches
        self._generators = [
            layer.seed_generator for layer in network.layers if hasattr(layer, "seed_generator")
        ]
        x = tf.TensorSpec((None, *network.input_shape[1:]), network.inputs[0].dtype)
        y = tf.TensorSpec((None,), tf.int64 if classes else tf.float32)
        self._gradients = tf.function(self._differentiate, input_signature=[x, y], autograph=False)
        self._change = tf.function(self._take_step, autograph=False)
        self._forward = tf.function(
            lambda x: network(x, training=False), input_signature=[x], autograph=False
        )

    def seed(self, number: int) -> None:
        """What is drawn from here on follows from the number alone."""
        for place, generator in enumerate(self._generators):
            generator.state.assign([(number >> 31) % 2**31, (number + place * 1_000_003) % 2**31])

    def learn(self, x: Array, y: Array, parts: int) -> tuple[float, Array]:
        """The sum of the rows' losses, and the sum of their gradients, with the batch's statistics times the rows.

        Args:
            parts: the rows go through the network in so many parts, one after the other, for less memory.
        """
        loss, sums = 0.0, np.zeros(1, dtype=np.float32)
        count = min(parts, len(x))
        for some, truth in zip(np.array_split(x, count), np.array_split(y, count), strict=True):
            lost, gradients = self._gradients(some, truth)
            loss, sums = loss + float(lost), sums + gradients.numpy()
        seen = np.concatenate([np.zeros(0, np.float32), *(s.numpy().ravel() for s in self._statistics)])
        return loss, np.concatenate([sums, seen * np.float32(len(x))])

    def apply(self, vector: Array, rate: float) -> None:
        """Takes one step with what `learn` gave, of all ranks, divided by their rows."""
        ends = np.cumsum([int(np.prod(v.shape)) for v in self._network.trainable_variables])
        gradients, seen = vector[: ends[-1]], vector[ends[-1] :]
        if self._params.clip_norm is not None:
            norm = float(np.linalg.norm(gradients))
            gradients = gradients * np.float32(min(1.0, self._params.clip_norm / (norm + 1e-6)))
        self._optimizer.learning_rate.assign(rate)
        self._change(tf.constant(gradients))
        for variable in self._statistics:
            size = int(np.prod(variable.shape))
            variable.assign(seen[:size].reshape(variable.shape))
            seen = seen[size:]

    def outputs(self, x: Array) -> Array:
        """[rows, outputs] without dropout, in bounded memory."""
        rows = _ROWS_AT_A_TIME if x.dtype == np.float32 else _PICTURES_AT_A_TIME
        parts = [self._forward(x[at : at + rows]).numpy() for at in range(0, len(x), rows)]
        return np.concatenate([np.zeros((0, self._network.output_shape[-1]), np.float32), *parts])

    # ---- state -------------------------------------------------------------------------------------------------------

    def weights(self) -> dict[str, Array]:
        variables = self._network.weights
        return {one.path: value for one, value in zip(variables, values_of(variables), strict=True)}

    def set_weights(self, weights: dict[str, Array]) -> None:
        assign(self._network.weights, [weights.get(one.path) for one in self._network.weights])

    def optimizer(self) -> list[Array]:
        return values_of(self._optimizer.variables)

    def set_optimizer(self, values: list[Array]) -> None:
        assign(self._optimizer.variables, values)

    # ---- what TensorFlow compiles ------------------------------------------------------------------------------------

    def _differentiate(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = self._network(x, training=True)
            if self._classes:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=outputs)
            else:
                losses = tf.square(outputs[:, 0] - y)
            loss = tf.reduce_sum(losses)
        gradients = tape.gradient(loss, [v.value for v in self._network.trainable_variables])
        return loss, tf.concat([tf.reshape(one, [-1]) for one in gradients], 0)

    def _take_step(self, vector: tf.Tensor) -> None:
        variables = self._network.trainable_variables
        sizes = [int(np.prod(variable.shape)) for variable in variables]
        parts = tf.split(vector, sizes)
        shaped = [tf.reshape(part, variable.shape) for part, variable in zip(parts, variables, strict=True)]
        self._optimizer.apply(shaped, variables)


def values_of(variables: list[Any]) -> list[Array]:
    """A copy of each."""
    return [np.array(variable.numpy()) for variable in variables]


def assign(variables: list[Any], values: list[Any]) -> None:
    """Gives the variables the values that others of their shapes had.

    Raises:
        InvalidInput: they are of another network.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [np.shape(value) for value in values if value is not None]:
        raise InvalidInput(
            "the checkpoint is of another network; the hyperparameters that shape it and the dataset's columns have to stay"
            " as they were"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
