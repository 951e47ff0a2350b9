"""The networks of Keras, each the same as the one of its name in `networks`: what is trained here, PyTorch can load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]


def build_keras(network: str, **config: Any) -> keras.Model:
    """A network with random weights; it takes what `build_network` of the same arguments takes."""
    return _mlp(**config) if network == "mlp" else _cnn(**config)


def torch_weights(network: keras.Model, steps: int) -> dict[str, Array]:
    """The weights under the names and in the shapes that PyTorch gives them, after so many steps."""
    found: dict[str, Array] = {}
    for layer in network.layers:
        kind, _, place = layer.name.partition("_")
        values = layer.get_weights()
        if kind == "linear":
            kernel, bias = values
            found |= {f"{place}.weight": kernel.T, f"{place}.bias": bias}
        elif kind == "convolution":
            found[f"{place}.0.weight"] = values[0].transpose(3, 2, 0, 1)
        elif kind == "norm":
            names = ("weight", "bias", "running_mean", "running_var")
            found |= {f"{place}.1.{name}": value for name, value in zip(names, values, strict=True)}
            found[f"{place}.1.num_batches_tracked"] = np.array(steps, dtype=np.int64)
    return {name: np.ascontiguousarray(value) for name, value in found.items()}


def _mlp(inputs: int, hidden: list[int], outputs: int, dropout: float) -> keras.Model:
    """Layers are named by their place in the network of PyTorch, where an activation has a place too."""
    given = x = keras.Input((inputs,), dtype="float32")
    place = 0
    for size in hidden:
        x = layers.Dense(size, activation="relu", name=f"linear_{place}")(x)
        place += 2
        if dropout:
            x = layers.Dropout(dropout)(x)
            place += 1
    return keras.Model(given, layers.Dense(outputs, name=f"linear_{place}")(x), name="mlp")


def _cnn(channels: int, size: int, widths: list[int], outputs: int, dropout: float) -> keras.Model:
    given = keras.Input((channels, size, size), dtype="uint8")
    x = layers.Permute((2, 3, 1))(given)  # TensorFlow convolves on a CPU with the channels last only
    x = layers.Rescaling(1 / 64.0, offset=-127.5 / 64.0)(x)
    place = 1
    for number, width in enumerate(widths):
        for stride in (2 if number else 1, 1):
            x = layers.ZeroPadding2D(1)(x)
            x = layers.Conv2D(width, 3, strides=stride, use_bias=False, name=f"convolution_{place}")(x)
            x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"norm_{place}")(x)
            x = layers.ReLU()(x)
            place += 2
    x = layers.GlobalAveragePooling2D()(x)
    place += 2
    if dropout:
        x = layers.Dropout(dropout)(x)
        place += 1
    return keras.Model(given, layers.Dense(outputs, name=f"linear_{place}")(x), name="cnn")
