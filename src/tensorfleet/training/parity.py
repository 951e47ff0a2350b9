"""Whether two forms of one model say the same, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOLERANCE = 1e-4
"""The most that numbers may differ: probabilities as they are, other numbers as a share of the largest that was expected."""


@dataclass(frozen=True)
class Parity:
    """What a comparison came to.

    Attributes:
        labels_differ: how many labels, or other whole numbers, are not the same.
        max_difference: the largest between two numbers; infinite where only one of them is a number.
    """

    rows: int
    labels_differ: int
    max_difference: float
    tolerance: float = TOLERANCE

    @property
    def equal(self) -> bool:
        return not self.labels_differ and self.max_difference <= self.tolerance

    def __str__(self) -> str:
        labels = f"{self.labels_differ} labels differ, " if self.labels_differ else ""
        return f"{labels}numbers differ by up to {self.max_difference:.3g} on {self.rows} rows"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    expected: Mapping[str, Array], found: Mapping[str, Array], tolerance: float = TOLERANCE
) -> Parity:
    """Compares outputs by name; all that are expected have to be there.

    Args:
        expected: `label` [rows], `probabilities` [rows, classes], `prediction` [rows] or [rows, components].
    """
    import numpy as np

    rows, labels, difference = 0, 0, 0.0
    for name, right in expected.items():
        rows = len(right)
        given = found.get(name)
        if given is None or given.size != right.size:
            return Parity(rows, 0, float("inf"), tolerance)
        given = given.reshape(right.shape)
        if right.dtype.kind == "f":
            sizes = np.abs(right[np.isfinite(right)])
            scale = 1.0 if name == "probabilities" else float(sizes.max(initial=0.0)) or 1.0
            difference = max(difference, _largest(right, given) / scale)
        else:
            labels += int((given.astype(right.dtype) != right).sum())
    return Parity(rows, labels, difference, tolerance)


def _largest(right: Array, given: Array) -> float:
    """Of the differences; those between two NaN or two equal infinities are none."""
    import numpy as np

    left, other = right.astype(np.float64), given.astype(np.float64)
    same = (left == other) | (np.isnan(left) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(left - other))
    return float(np.nan_to_num(apart, nan=np.inf, posinf=np.inf).max(initial=0.0))
