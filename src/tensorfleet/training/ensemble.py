"""Several models as one: the weighted mean of what they say.  Each lies in its folder as a job would keep it alone."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CONFIG_FILE = "ensemble.json"
MEMBERS = ("sklearn", "xgboost", "lightgbm")
"""Flavors that a member may have."""
MOST_MEMBERS = 200


class Ensemble:
    """Members behind the methods of a scikit-learn estimator.

    Args:
        weights: of the members; they add up to 1.
        classes: [classes] for classification, None for regression.
    """

    def __init__(self, members: Sequence[Any], weights: Sequence[float], classes: Array | None) -> None:
        self.members, self.weights, self.classes_ = list(members), list(weights), classes
        if classes is not None:
            self.predict_proba = self._probabilities

    def predict(self, frame: Any) -> Array:
        if self.classes_ is None:
            return self._mean([one.predict(frame) for one in self.members])
        labels: Array = self.classes_[self._probabilities(frame).argmax(axis=1)]
        return labels

    def _probabilities(self, frame: Any) -> Array:
        return self._mean([one.predict_proba(frame) for one in self.members])

    def _mean(self, found: Sequence[Array]) -> Array:
        import numpy as np

        total = np.zeros(found[0].shape, dtype=np.float64)
        for weight, one in zip(self.weights, found, strict=True):
            total += weight * one
        return total


def pack_ensemble(
    members: Sequence[tuple[str, float, Mapping[str, bytes]]], classes: Array | None
) -> dict[str, bytes]:
    """The model's files.

    Args:
        members: (flavor, weight, files) of each.
    """
    described = {
        "classes": None if classes is None else classes.tolist(),
        "members": [{"flavor": flavor, "weight": weight} for flavor, weight, _ in members],
    }
    files = {CONFIG_FILE: json.dumps(described, indent=1).encode()}
    for number, (_, _, inner) in enumerate(members):
        files |= {f"members/{number}/{path}": data for path, data in inner.items()}
    return files


def load_ensemble(folder: Path, load_member: Callable[[Path, str], Any]) -> Ensemble:
    """The model in a folder, which may come from anyone.

    Args:
        load_member: loads the model of a flavor from its folder, and trusts it no more than this function does.

    Raises:
        InvalidInput: it is not what such a folder says.
    """
    import numpy as np

    described = json.loads((folder / CONFIG_FILE).read_text())
    members, labels = described["members"], described["classes"]
    if not 1 <= len(members) <= MOST_MEMBERS:
        raise InvalidInput(f"the ensemble has {len(members)} members; it may have 1 to {MOST_MEMBERS}")
    flavors = [str(one["flavor"]) for one in members]
    if odd := set(flavors) - set(MEMBERS):
        raise InvalidInput(f"the ensemble has a member of '{min(odd)[:60]}', not of {', '.join(MEMBERS)}")
    weights = [float(one["weight"]) for one in members]
    if not all(weight >= 0 for weight in weights) or not math.isclose(sum(weights), 1, abs_tol=1e-6):
        raise InvalidInput("the ensemble has weights that do not add up to 1")
    loaded = [load_member(folder / "members" / str(number), flavor) for number, flavor in enumerate(flavors)]
    classes = None if labels is None else np.array(labels)
    for one in loaded:
        own = getattr(one, "classes_", None)
        fits = own is None if classes is None else own is not None and np.array_equal(own, classes)
        if not fits or (classes is not None and not hasattr(one, "predict_proba")):
            raise InvalidInput("the ensemble has a member that predicts something else than the others")
    return Ensemble(loaded, weights, classes)
