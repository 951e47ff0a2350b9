"""The state of a process's random number generators: Python's, numpy's, and torch's where it is loaded."""

from __future__ import annotations

import random
import sys
from typing import Any


def capture() -> dict[str, Any]:
    """The state now, made of what a checkpoint can hold."""
    import numpy as np

    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    found: dict[str, Any] = {
        "python": [version, np.array(words, dtype=np.uint32), gauss],
        "numpy": [np.array(keys), int(position), int(has_gauss), float(cached)],
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = torch.get_rng_state().numpy().copy()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            found["cuda"] = torch.cuda.get_rng_state().numpy().copy()
    return found


def apply(state: dict[str, Any]) -> None:
    """Sets the generators to a captured state; what this process does not have is left out."""
    import numpy as np

    version, words, gauss = state["python"]
    random.setstate((version, tuple(int(word) for word in words), gauss))
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys, position, has_gauss, cached))
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if "torch" in state:
        torch.set_rng_state(torch.from_numpy(np.array(state["torch"])))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(torch.from_numpy(np.array(state["cuda"])))
