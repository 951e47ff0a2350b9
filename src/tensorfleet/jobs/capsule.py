"""What a job was made of, as one document, and what differs between two of them.  No input or output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

FORMAT = 1
_GONE = object()
_ELSEWHERE = ("hyperparameters", "seed", "dataset", "target_column", "code", "entrypoint", "args", "split")
"""Fields of the job file that have a part of the document to themselves."""
_NAMES = ("name", "model_name", "labels", "workspace", "priority", "profile")
"""Fields of the job file that change nothing of what is computed."""
_ENVIRONMENT = ("requirements", "lock", "python")
_DATASET = ("name", "version", "digest", "format", "rows")
PARTS = ("code", "environment", "dataset", "split", "hyperparameters", "seed", "machine", "spec")


def describe(
    spec: Mapping[str, Any],
    dataset: Mapping[str, Any] | None,
    hyperparameters: Mapping[str, Any],
    found: Mapping[str, Any],
) -> dict[str, Any]:
    """The document of one job.

    Args:
        dataset: the version that it reads.
        hyperparameters: all of them, with the defaults of those that were not given.
        found: what is known where it ran only: `environment`, `machine`; empty when it never ran.
    """
    wanted = {name: spec[name] for name in _ENVIRONMENT if spec.get(name)}
    environment = found.get("environment")
    return {
        "format": FORMAT,
        "code": {name: spec.get(name) for name in ("algorithm", "entrypoint", "args")}
        | dict(spec.get("code") or {}),
        "environment": None if environment is None else {**environment, **wanted},
        "dataset": _dataset(spec, dataset),
        "split": spec.get("split"),
        "hyperparameters": dict(hyperparameters),
        "seed": spec.get("seed"),
        "machine": found.get("machine"),
        "spec": dict(spec),
    }


def _dataset(spec: Mapping[str, Any], dataset: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if dataset is None:
        return None
    target = spec.get("target_column") or dataset.get("target")
    return {name: dataset.get(name) for name in _DATASET} | {"target": target}


def encode(document: Mapping[str, Any]) -> tuple[str, bytes]:
    """The document's SHA-256, which is its name, and its bytes: the same for equal documents."""
    data = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(data).hexdigest(), data


def key_of(digest: str) -> str:
    return f"provenance/{digest}.json"


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By part of the document what is not the same: `{"part", "fields": [{"field", "a", "b"}]}`.

    A part that is not known of one of them, as it never ran, is `{"part", "unknown": ["a"]}`.
    """
    found: list[dict[str, Any]] = []
    for part in PARTS:
        unknown = [side for side, one in (("a", a), ("b", b)) if one.get(part) is None and part in _OBSERVED]
        if unknown:
            found.append({"part": part, "unknown": unknown})
            continue
        fields = [
            {"field": field, "a": left, "b": right}
            for field, left, right in _unequal(_comparable(part, a.get(part)), _comparable(part, b.get(part)))
        ]
        if fields:
            found.append({"part": part, "fields": fields})
    return found


_OBSERVED = ("environment", "machine")


def _comparable(part: str, value: Any) -> dict[str, Any]:
    if part == "spec":
        skipped = (*_ELSEWHERE, *_NAMES, *_ENVIRONMENT, "algorithm")
        value = {name: one for name, one in (value or {}).items() if name not in skipped}
    if part == "environment":
        value = {**value, "packages": dict(one.partition("==")[::2] for one in value.get("packages") or ())}
    return value if isinstance(value, dict) else {part: value}


def _unequal(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Fields, by their paths, whose values differ; one that is missing has None."""
    for name in [*a, *(name for name in b if name not in a)]:
        left, right = a.get(name), b.get(name)
        if isinstance(left, dict) and isinstance(right, dict):
            yield from _unequal(left, right, f"{prefix}{name}.")
        elif left != right:
            yield f"{prefix}{name}", left, right


def metrics_change(
    a: Mapping[str, float | None], b: Mapping[str, float | None]
) -> dict[str, dict[str, float | None]]:
    """Of each metric both values, and by how much the second one is greater."""
    found: dict[str, dict[str, float | None]] = {}
    for name in sorted({*a, *b}):
        left, right = a.get(name), b.get(name)
        change = right - left if left is not None and right is not None else None
        found[name] = {"a": left, "b": right, "change": change}
    return found


def files_compared(a: Mapping[str, str], b: Mapping[str, str]) -> list[dict[str, Any]]:
    """Files of two jobs by path, whether they are bit for bit the same: `{"path", "equal"}`."""
    return [{"path": path, "equal": path in a and a.get(path) == b.get(path)} for path in sorted({*a, *b})]
