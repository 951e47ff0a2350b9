"""A trained network as a predictor, and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training.networks import build_network
from tensorfleet.training.skops_file import dump_skops

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array = np.ndarray[Any, Any]

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "model.json"
PREPROCESSOR_FILE = "preprocessor.skops"
_ROWS_AT_A_TIME = 8192
_HEAVY_ROWS_AT_A_TIME = 128  # pictures and texts
_NOT_THE_NETWORKS = ("classes", "target_mean", "target_deviation")


def forward_in_parts(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The network's outputs [rows, outputs] without gradients, in bounded memory."""
    import torch

    rows = _ROWS_AT_A_TIME if x.dtype == torch.float32 else _HEAVY_ROWS_AT_A_TIME
    network.eval()
    with torch.no_grad():
        parts = [network(part) for part in torch.split(x, rows)]
    network.train()
    return torch.cat(parts).float()


class NetworkModel:
    """A trained network behind the methods of a scikit-learn estimator.

    Args:
        prepare: the fitted transformer from columns to numbers.
        classes: [classes] for classification, None for regression.
        scale: mean and standard deviation of the target (regression), which the network predicts in units of.
    """

    def __init__(
        self, network: torch.nn.Module, prepare: Any, classes: Array | None, scale: tuple[float, float]
    ) -> None:
        self.network = network
        self.prepare = prepare
        self.classes_ = classes
        self.scale = scale
        if classes is not None:
            self.predict_proba = self._probabilities

    def predict(self, frame: Any) -> Array:
        if self.classes_ is not None:
            labels: Array = self.classes_[self._probabilities(frame).argmax(axis=1)]
            return labels
        mean, deviation = self.scale
        return self._outputs(frame)[:, 0].double().numpy() * deviation + mean

    def _probabilities(self, frame: Any) -> Array:
        return self._outputs(frame).softmax(dim=1).numpy()

    def _outputs(self, frame: Any) -> torch.Tensor:
        return forward_in_parts(self.network, as_tensor(self.prepare.transform(frame)))


def as_tensor(matrix: Any) -> torch.Tensor:
    """float32 [rows, columns]; pictures stay bytes, and tokens int64."""
    import torch

    return torch.from_numpy(as_array(matrix))


def as_array(matrix: Any) -> Array:
    """The same as an array."""
    import numpy as np

    kind = matrix.dtype if matrix.dtype in (np.uint8, np.int64) else np.float32
    return np.ascontiguousarray(matrix, dtype=kind)


def pack_network(model: NetworkModel, config: dict[str, Any]) -> dict[str, bytes]:
    """The model's files; `config` are the arguments of `build_network`."""
    import safetensors.torch

    weights = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.network.state_dict().items()
    }
    return network_files(
        bytes(safetensors.torch.save(weights)), config, model.classes_, model.scale, model.prepare
    )


def network_files(
    weights: bytes, config: dict[str, Any], classes: Array | None, scale: tuple[float, float], prepare: Any
) -> dict[str, bytes]:
    """What `load_network` reads; `weights` are safetensors, under the names that `build_network(**config)` gives them."""
    described = {
        **config,
        "classes": None if classes is None else classes.tolist(),
        "target_mean": scale[0],
        "target_deviation": scale[1],
    }
    return {
        WEIGHTS_FILE: weights,
        CONFIG_FILE: json.dumps(described, indent=1).encode(),
        PREPROCESSOR_FILE: dump_skops(prepare),
    }


def load_network(folder: Path, load_skops: Any) -> NetworkModel:
    """The model in a folder.

    Raises:
        InvalidInput: the weights are not those of the network that is described.
    """
    import numpy as np
    import safetensors
    import safetensors.torch
    import torch

    config = json.loads((folder / CONFIG_FILE).read_text())
    try:
        weights = safetensors.torch.load_file(folder / WEIGHTS_FILE)
        # On meta no memory is taken for sizes that a file merely claims.
        with torch.device("meta"):
            network = build_network(
                **{name: value for name, value in config.items() if name not in _NOT_THE_NETWORKS}
            )
        network.load_state_dict(weights, assign=True)
    except (RuntimeError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise InvalidInput(
            f"the weights in {folder} do not fit the network: {str(error).splitlines()[0]}"
        ) from error
    network.eval()
    classes = None if config["classes"] is None else np.array(config["classes"])
    prepare = load_skops((folder / PREPROCESSOR_FILE).read_bytes())
    return NetworkModel(network, prepare, classes, (config["target_mean"], config["target_deviation"]))
