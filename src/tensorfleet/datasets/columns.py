"""What is learned of one column while batches stream by, in memory that does not grow with the rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tensorfleet.datasets.model import Column, ColumnType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 20
_TOP = 10
_SHOWN_CHARACTERS = 100
_BOOLEAN = "^(?i:true|false)$"
# A column that looks like the first may turn out to be one of the others.
_WIDER: dict[ColumnType, tuple[ColumnType, ...]] = {"integer": ("integer", "number")}
TEXT_KINDS: tuple[ColumnType, ...] = ("integer", "number", "boolean", "date")


class RowSample:
    """Chooses rows for a sample of fixed size, all with the same chance (Vitter's algorithm R)."""

    def __init__(self, columns: int) -> None:
        import numpy as np

        self.size = max(200, min(10_000, 4_000_000 // max(columns, 1)))
        self._seen = 0
        self._random = np.random.default_rng(0)  # the same file always gives the same profile

    def next_batch(self, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For the next `rows` rows: (slots of the sample to fill, indices of the rows to fill them with)."""
        import numpy as np

        numbers = np.arange(self._seen, self._seen + rows)
        slots = np.where(numbers < self.size, numbers, self._random.integers(0, numbers + 1))
        chosen = np.flatnonzero(slots < self.size)
        self._seen += rows
        return slots[chosen], chosen


class ColumnTracker:
    """Type, missing values, distinct values and statistics of one column."""

    def __init__(self, name: str, kinds: tuple[ColumnType, ...], columns: int, sample_size: int) -> None:
        self.name = name
        self._kinds = kinds
        self._rows = 0
        self._missing = 0
        self._settled = len(kinds) == 1
        self._counts: dict[Any, int] | None = None if kinds == ("binary",) else {}
        self._max_counts = max(20, min(1000, 300_000 // columns))
        self._max_count_bytes = max(1024, 32 * 1024**2 // columns)
        self._sample_size = sample_size
        self._numbers: _Numbers | None = None
        self._range: list[Any] = []

    def add(self, array: Any, slots: NDArray[np.int64], chosen: NDArray[np.int64]) -> None:
        self._rows += len(array)
        self._missing += array.null_count
        if array.null_count == len(array) or self._kinds == ("binary",):
            return
        self._count(array)
        values = self._typed(array)
        if values is None:
            self._numbers = None
        elif self._kinds[0] in ("integer", "number"):
            self._numbers = self._numbers or _Numbers(self._sample_size)
            self._numbers.add(values, slots, chosen)
        elif self._kinds[0] == "date":
            self._extend_range(values)
            self._numbers = self._numbers or _Numbers(self._sample_size)
            self._numbers.add(_microseconds(values), slots, chosen)

    def column(self) -> Column:
        return Column(
            self.name, self._type(), self._missing, None if self._counts is None else len(self._counts)
        )

    def profile(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._range:
            found |= {"min": self._range[0], "max": self._range[1], **self._dates()}
        elif self._numbers is not None:
            found |= self._numbers.summary()
        repeats = self._type() == "text" and self._counts and max(self._counts.values()) > 1
        if self._counts and (repeats or self._type() in ("integer", "boolean", "category")):
            top = sorted(self._counts.items(), key=lambda item: (-item[1], str(item[0])))[:_TOP]
            found["top"] = [{"value": self._shown(value), "count": count} for value, count in top]
        return found

    def _dates(self) -> dict[str, Any]:
        histogram = self._numbers.summary().get("histogram") if self._numbers is not None else None
        if histogram is None:
            return {}
        edges = [_instant(edge) for edge in histogram["edges"]]
        return {"histogram": {"edges": edges, "counts": histogram["counts"]}}

    def _shown(self, value: Any) -> Any:
        if self._type() == "integer":
            return int(value)
        text = str(value)
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."

    def _type(self) -> ColumnType:
        if self._kinds and self._settled:
            return self._kinds[0]
        unique = None if self._counts is None else len(self._counts)
        present = self._rows - self._missing
        repeats = unique is not None and unique < present and (unique <= 20 or unique * 2 <= present)
        return "category" if repeats else "text"

    def _typed(self, array: Any) -> Any | None:
        import pyarrow as pa

        while self._kinds:
            kind = self._kinds[0]
            try:
                values = _cast(array, kind)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                self._kinds = self._kinds[1:]
                continue
            if not self._settled:
                self._settled = True
                self._kinds = _WIDER.get(kind, (kind,))
            return values
        self._settled = True
        self._range = []
        return None

    def _count(self, array: Any) -> None:
        if self._counts is None:
            return
        found = array.drop_null().value_counts()
        values = found.field("values")
        if len(values) <= self._max_counts and values.nbytes <= self._max_count_bytes:
            for value, count in zip(values.to_pylist(), found.field("counts").to_pylist(), strict=True):
                self._counts[value] = self._counts.get(value, 0) + count
            if len(self._counts) <= self._max_counts:
                return
        self._counts = None

    def _extend_range(self, values: Any) -> None:
        import pyarrow.compute as pc

        found = pc.min_max(values)
        ends = [str(pc.cast(found[end], "string")) for end in ("min", "max")]
        self._range = [min([*self._range[:1], ends[0]]), max([*self._range[1:], ends[1]])]


class _Numbers:
    """Moments of all values (Chan's parallel update), and a sample for quantiles and histogram."""

    def __init__(self, sample_size: int) -> None:
        import numpy as np

        self._count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._min = math.inf
        self._max = -math.inf
        self._sample: NDArray[np.float64] = np.full(sample_size, np.nan)

    def add(self, values: Any, slots: NDArray[np.int64], chosen: NDArray[np.int64]) -> None:
        import numpy as np

        floats = values.to_numpy(zero_copy_only=False)
        self._sample[slots] = floats[chosen]
        finite = floats[np.isfinite(floats)]
        if not len(finite):
            return
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(finite.mean())
            squares = float(np.square(finite - mean).sum())
            total = self._count + len(finite)
            step = mean - self._mean
            self._squares += squares + step * step * self._count * len(finite) / total
            self._mean += step * len(finite) / total
        self._count = total
        self._min = min(self._min, float(finite.min()))
        self._max = max(self._max, float(finite.max()))

    def summary(self) -> dict[str, Any]:
        import numpy as np

        sample = self._sample[np.isfinite(self._sample)]
        if not self._count or not len(sample):
            return {}
        std = math.sqrt(self._squares / (self._count - 1)) if self._count > 1 else 0.0
        found = {"min": self._min, "max": self._max, "mean": self._mean, "std": std}
        with np.errstate(over="ignore", invalid="ignore"):
            quantiles = np.quantile(sample, _QUANTILES)
            edges = np.linspace(sample.min(), sample.max(), _BINS + 1)
        summary: dict[str, Any] = {name: _json_number(value) for name, value in found.items()}
        summary["quantiles"] = {
            str(q): _json_number(value) for q, value in zip(_QUANTILES, quantiles, strict=True)
        }
        if np.isfinite(edges).all() and (np.diff(edges) > 0).all():
            counts = np.histogram(sample, edges)[0]
            summary["histogram"] = {"edges": edges.tolist(), "counts": counts.tolist()}
        return summary


def _cast(array: Any, kind: ColumnType) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "integer":
        return pc.cast(pc.cast(array, pa.int64()), pa.float64(), safe=False)
    if kind == "number":
        return pc.cast(array, pa.float64(), safe=False)
    if kind == "boolean":
        if pa.types.is_string(array.type) and not pc.all(pc.match_substring_regex(array, _BOOLEAN)).as_py():
            raise pa.ArrowInvalid("pyarrow itself would take 1 and 0 too")
        return pc.cast(array, pa.bool_())
    try:
        return pc.cast(array, pa.timestamp("us"), safe=False)
    except pa.ArrowInvalid:
        return pc.cast(pc.cast(array, pa.timestamp("us", "UTC")), pa.timestamp("us"))


def _microseconds(instants: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(pc.cast(instants, pa.int64()), pa.float64(), safe=False)


def _instant(microseconds: float) -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    return str(pc.cast(pa.scalar(round(microseconds), pa.timestamp("us")), "string"))


def _json_number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
