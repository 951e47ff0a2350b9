"""A trained model in further formats, each compared with the model itself before it is published."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import FieldError, InvalidInput
from tensorfleet.training.algorithm import Algorithm, NetworkAlgorithm

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from tensorfleet.training.data import Problem
    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

ONNX, TORCH_EXPORT = "onnx", "torch_export"
ROWS = 512
HEAVY_ROWS = 64
"""Compared where a row is a picture or a text."""
_TROUBLE = {
    "MissingShapeCalculator": "skl2onnx has no ONNX for this estimator",
    "MissingConverter": "skl2onnx has no ONNX for this estimator",
}


@dataclass(frozen=True)
class Exported:
    """Files that are published, by name, and what became of each format that was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    report: list[dict[str, Any]] = field(default_factory=list)


def check_formats(algorithm: Algorithm, formats: list[str]) -> list[FieldError]:
    """What can be said against the formats before anything is trained."""
    if TORCH_EXPORT not in formats or algorithm.library == NetworkAlgorithm.library:
        return []
    message = f"torch_export is for networks of PyTorch, and {algorithm.name} is none; write formats: [onnx], or leave it out"
    return [FieldError("model.formats", message, "no_such_format")]


def export(session: Session, problem: Problem, model: Any) -> Exported:
    """The model in the formats of the job's `model.formats`; one that fails is said in the log and in an event, and left out.

    Args:
        model: a fitted pipeline, a `BoostedModel` or a `NetworkModel`; None where there is only the files.
    """
    wanted = (session.context.spec.get("model") or {}).get("formats") or []
    done = Exported()
    for name in wanted:
        session.beat()
        began = time.perf_counter()
        told: dict[str, Any] = {"format": name, "file": None}
        try:
            data, found = _made(name, problem, model)
            told |= found | {"bytes": len(data)}
            done.files[_FORMATS[name].file] = data
            told["file"] = _FORMATS[name].file
            print(f"{name}: {told['file']}, the same on {found['rows']} rows", end="", flush=True)
        except Exception as error:  # converters raise anything, and the model itself is trained
            told["reason"] = reason(error)
            _tell(session, name, told["reason"])
        print(f" ({time.perf_counter() - began:.1f} s)", flush=True)
        done.report.append(told)
    return done


def _tell(session: Session, name: str, why: str) -> None:
    message = f"the model is not published as {name}: {why}"
    print(message, end="", file=sys.stdout, flush=True)
    session.write({"kind": "export_failed", "at": time.time(), "message": message})


def _made(name: str, problem: Problem, model: Any) -> tuple[bytes, dict[str, Any]]:
    """The file and how it compares.

    Raises:
        InvalidInput: it does not say what the model says.
    """
    from tensorfleet.training.parity import compare

    if model is None:
        raise InvalidInput("there is no way from this kind of model to another format")
    positions = problem.held_out if len(problem.held_out) else problem.train
    frame = problem.features[positions[: HEAVY_ROWS if _is_heavy(model) else ROWS]]
    one = _FORMATS[name]
    data = one.build(model, frame)
    parity = compare(expected(model, frame, labels=one.labels), one.run(data, model, frame))
    if not parity.equal:
        raise InvalidInput(f"the file does not say what the model says: {parity}")
    return data, parity.to_dict()


def expected(model: Any, frame: pl.DataFrame, *, labels: bool = True) -> dict[str, Array]:
    """What the model itself says of the rows, under the names of the files' outputs."""
    import numpy as np

    if getattr(model, "classes_", None) is None:
        return {"prediction": np.asarray(model.predict(frame))}
    found = {"label": np.asarray(model.predict(frame))} if labels else {}
    return found | ({"probabilities": model.predict_proba(frame)} if hasattr(model, "predict_proba") else {})


def _is_heavy(model: Any) -> bool:
    return type(getattr(model, "prepare", None)).__name__ in ("Pictures", "Tokens")


def reason(error: BaseException) -> str:
    """One sentence."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed on this worker; install it there with: pip install 'tensorfleet[onnx]'"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _TROUBLE.get(type(error).__name__, lines[0][:300])


def _build_onnx(model: Any, frame: pl.DataFrame) -> bytes:
    from tensorfleet.training.onnx_building import build_onnx

    return build_onnx(model, frame)


def _run_onnx(data: bytes, model: Any, frame: pl.DataFrame) -> dict[str, Array]:
    from tensorfleet.training.onnx_file import OnnxModel

    return OnnxModel(data, getattr(model, "prepare", None)).run(frame)


def _build_torch(model: Any, frame: pl.DataFrame) -> bytes:
    from tensorfleet.training.torch_file import build_torch_export

    return build_torch_export(model, frame)


def _run_torch(data: bytes, model: Any, frame: pl.DataFrame) -> dict[str, Array]:
    from tensorfleet.training.torch_file import run_torch_export

    return run_torch_export(data, model, frame)


@dataclass(frozen=True)
class _Format:
    """One format: how its file is made and run; `labels`: whether it gives them beside probabilities."""

    file: str
    build: Callable[[Any, Any], bytes]
    run: Callable[[bytes, Any, Any], dict[str, Any]]
    labels: bool = True


_FORMATS = {
    ONNX: _Format("model.onnx", _build_onnx, _run_onnx),
    TORCH_EXPORT: _Format("model.pt2", _build_torch, _run_torch, labels=False),
}
