"""A boosted model as a predictor, and as files: the library's own, and the transformer in skops."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.training import lightgbm_text, xgboost_file
from tensorfleet.training.boosted_data import BoostingData, as_numbers
from tensorfleet.training.skops_file import dump_skops

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

BOOSTER_FILES = {"xgboost": "model.ubj", "lightgbm": "model.txt"}
CONFIG_FILE = "model.json"
PREPROCESSOR_FILE = "preprocessor.skops"
_CHECKED = {"xgboost": xgboost_file.rewritten, "lightgbm": lightgbm_text.rewritten}
"""From (bytes of a file, columns, trees of one round) those that the library may see."""


class Booster:
    """A booster of either library.

    Args:
        module: `boosted_xgboost` or `boosted_lightgbm`.
    """

    def __init__(self, module: ModuleType, booster: Any) -> None:
        self._module, self._booster = module, booster

    @property
    def native(self) -> Any:
        """The library's own object."""
        return self._booster

    def predict(self, x: Array) -> Array:
        """[rows, classes] with more than two classes, else [rows]: a number or the probability of the second class."""
        try:
            found: Array = self._module.predicted(self._booster, x)
        except self._module.ERROR as error:
            raise InvalidInput(
                f"the booster cannot predict this: {str(error).strip().splitlines()[-1]}"
            ) from error
        return found


class BoostedModel:
    """A booster behind the methods of a scikit-learn estimator.

    Args:
        prepare: the fitted transformer from columns to numbers; None where they are numbers.
        classes: [classes] for classification, None for regression.
    """

    def __init__(self, booster: Booster, prepare: Any, classes: Array | None) -> None:
        self.booster = booster
        self.prepare = prepare
        self.classes_ = classes
        if classes is not None:
            self.predict_proba = self._probabilities

    def predict(self, frame: Any) -> Array:
        import numpy as np

        if self.classes_ is None:
            return self._outputs(frame).astype(np.float64)
        labels: Array = self.classes_[self._probabilities(frame).argmax(axis=1)]
        return labels

    def _probabilities(self, frame: Any) -> Array:
        import numpy as np

        found = self._outputs(frame)
        return found if found.ndim == 2 else np.column_stack((1 - found, found))

    def _outputs(self, frame: Any) -> Array:
        return self.booster.predict(as_numbers(self.prepare, frame))


def open_booster(library: str, booster: bytes) -> Booster:
    """The booster in a library's own bytes, which have to be ones that can be trusted."""
    try:
        module = importlib.import_module(f"tensorfleet.training.boosted_{library}")
    except (ModuleNotFoundError, OSError) as error:
        raise Unavailable(
            f"the model needs {library} ({str(error).splitlines()[0]}); install it with: pip install 'tensorfleet[{library}]'"
        ) from error
    return Booster(module, module.opened(booster))


def pack_boosted(library: str, booster: bytes, data: BoostingData) -> dict[str, bytes]:
    """The model's files."""
    described = {
        "library": library,
        "columns": int(data.train.x.shape[1]),
        "classes": None if data.classes is None else data.classes.tolist(),
    }
    files = {BOOSTER_FILES[library]: booster, CONFIG_FILE: json.dumps(described, indent=1).encode()}
    return files if data.prepare is None else files | {PREPROCESSOR_FILE: dump_skops(data.prepare)}


def load_boosted(folder: Path, load_skops: Callable[[bytes], Any]) -> BoostedModel:
    """The model in a folder, which may come from anyone.

    Raises:
        InvalidInput: the booster is not what the folder says, or its trees point outside themselves.
        Unavailable: its library is not installed.
    """
    import numpy as np

    described = json.loads((folder / CONFIG_FILE).read_text())
    library = described["library"]
    if library not in BOOSTER_FILES:
        raise InvalidInput(f"the model is of '{str(library)[:60]}', not of {' or '.join(BOOSTER_FILES)}")
    booster = (folder / BOOSTER_FILES[library]).read_bytes()
    classes = None if described["classes"] is None else np.array(described["classes"])
    groups = len(classes) if classes is not None and len(classes) > 2 else 1
    booster = _CHECKED[library](booster, int(described["columns"]), groups)
    prepared = (folder / PREPROCESSOR_FILE).exists()
    prepare = load_skops((folder / PREPROCESSOR_FILE).read_bytes()) if prepared else None
    return BoostedModel(open_booster(library, booster), prepare, classes)
