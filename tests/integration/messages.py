"""Random messages of a `.proto` file, valid ones and hostile ones, from its descriptors."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_NAMES = (
    "name", "algorithm", "dataset", "kind", "spec", "resources", "workers", "tune", "status", "class", "message", "result",
    "usage", "metrics", "cpus", "memory_bytes", "gpus", "host", "ports", "machine", "low_disk", "disk_free_bytes", "leaving",
    "step", "at", "values", "key", "sha256", "bytes", "op", "cpu_s", "energy_j",
)  # fmt: skip
_ODD_TEXT = (
    "",
    "\0",
    "..",
    "../../token",
    "'; DROP TABLE jobs; --",
    "é" * 300,
    "x" * 5000,
    "log",
    "record",
    "save",
)
_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}


class Messages:
    """Strategies for messages; `words` and `numbers` are values that mean something to the service."""

    def __init__(self, words: list[str], numbers: list[int]) -> None:
        self._text = st.one_of(st.sampled_from([*words, *_ODD_TEXT]), st.text(max_size=40))
        self._numbers = numbers
        plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), self._text)
        self._values = st.recursive(
            plain,
            lambda inner: st.one_of(st.lists(inner, max_size=3), self._objects(inner)),
            max_leaves=6,
        )

    def _objects(self, inner: Any) -> Any:
        return st.dictionaries(st.one_of(st.sampled_from(_NAMES), self._text), inner, max_size=5)

    def of(self, descriptor: Descriptor) -> Any:
        """Messages of one type; of each `oneof` at most one field is set."""
        several = {field.name for oneof in descriptor.oneofs for field in oneof.fields}
        plain = {f.name: self._field(f) for f in descriptor.fields if f.name not in several}
        parts = [st.fixed_dictionaries({}, optional=plain)]
        for oneof in descriptor.oneofs:
            choices = [st.fixed_dictionaries({field.name: self._field(field)}) for field in oneof.fields]
            parts.append(st.one_of(st.just({}), *choices))
        return st.tuples(*parts).map(lambda found: _made(descriptor, found))

    def _field(self, field: FieldDescriptor) -> Any:
        one = self._one(field)
        return st.lists(one, max_size=4) if field.is_repeated else one

    def _one(self, field: FieldDescriptor) -> Any:
        if field.message_type is not None:
            return self.of(field.message_type)
        if field.type in _RANGES:
            low, high = _RANGES[field.type]
            near = [number for number in (*self._numbers, 0, 1, -1, low, high) if low <= number <= high]
            return st.one_of(st.sampled_from(near), st.integers(low, high))
        if field.type == FieldDescriptor.TYPE_DOUBLE:
            return st.floats()
        if field.type == FieldDescriptor.TYPE_BOOL:
            return st.booleans()
        if field.type == FieldDescriptor.TYPE_BYTES:
            lines = st.lists(self._values.map(_as_json), max_size=4).map("\n".join).map(str.encode)
            return st.one_of(lines, st.binary(max_size=200))
        assert field.type == FieldDescriptor.TYPE_STRING, field.full_name
        documents = self._values.map(_as_json)
        return st.one_of(documents, self._text) if field.name.endswith("_json") else self._text


def _as_json(value: Any) -> str:
    return json.dumps(value)


def _made(descriptor: Descriptor, parts: tuple[dict[str, Any], ...]) -> Any:
    fields = {name: value for part in parts for name, value in part.items()}
    return GetMessageClass(descriptor)(**fields)
