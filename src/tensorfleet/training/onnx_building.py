"""Trained models as ONNX: scikit-learn's, boosted ones and networks, with the preparation of their columns where that can be."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training.boosted_model import BoostedModel
from tensorfleet.training.onnx_file import EACH, MATRIX, PREPARED
from tensorfleet.training.onnx_parts import (
    OPSETS,
    behind,
    finished,
    levelled,
    only_outputs,
    renamed,
    with_labels,
)
from tensorfleet.training.pictures import Pictures
from tensorfleet.training.texts import Tokens

if TYPE_CHECKING:
    import onnx
    import polars as pl

    from tensorfleet.training.network import NetworkModel

MOST_NODES = 2_000_000
"""Of the trees of a model: converting more takes minutes and gigabytes."""


def build_onnx(model: Any, frame: pl.DataFrame) -> bytes:
    """The bytes of an ONNX file.

    Args:
        model: a fitted pipeline, a `BoostedModel` or a `NetworkModel`.
        frame: a few rows of the columns that it was trained on.

    Raises:
        InvalidInput, ModuleNotFoundError: it cannot be written as ONNX, or not here; converters raise whatever else they like.
    """
    from tensorfleet.training import onnx_converters

    onnx_converters.register()
    with _quiet():
        if isinstance(model, BoostedModel):
            return _boosted(model, frame)
        if hasattr(model, "network"):
            return _network(model, frame)
        return _pipeline(model, frame)


def _pipeline(pipeline: Any, frame: pl.DataFrame) -> bytes:
    estimator = pipeline[-1]
    _check_size(estimator)
    takes, columns, inputs = _inputs(pipeline[0] if len(pipeline) > 1 else None, frame)
    classifies = hasattr(estimator, "classes_")
    made = _convert(pipeline, inputs, {id(estimator): {"zipmap": False}} if classifies else {})
    names = [output.name for output in made.graph.output]
    kept = {names[0]: "prediction"}
    if classifies:
        kept = {names[0]: "label"} | (
            {names[1]: "probabilities"} if hasattr(pipeline, "predict_proba") else {}
        )
    return finished(only_outputs(made, kept), takes, columns)


def _boosted(model: BoostedModel, frame: pl.DataFrame) -> bytes:
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = model.booster.native
    lightgbm = type(booster).__module__.startswith("lightgbm")
    width = booster.num_feature() if lightgbm else booster.num_features()
    inputs, opset = [("X", FloatTensorType([None, width]))], 15  # the newest that they know; levelled below
    made = (
        convert_lightgbm(booster, name="model", initial_types=inputs, target_opset=opset, zipmap=False)
        if lightgbm
        else convert_xgboost(booster, name="model", initial_types=inputs, target_opset=opset)
    )
    names = [output.name for output in made.graph.output]
    kept = {names[-1]: "prediction" if model.classes_ is None else "probabilities"}
    core = levelled(only_outputs(made, kept))
    return _after_preparation(core, model, model.prepare, frame)


def _network(model: NetworkModel, frame: pl.DataFrame) -> bytes:
    import torch

    from tensorfleet.training.torch_file import exported

    program = exported(model, frame)
    opset = OPSETS[""]
    made = torch.onnx.export(program, dynamo=True, opset_version=opset, verbose=False, external_data=False)
    assert made is not None
    core = made.model_proto
    output = "prediction" if model.classes_ is None else "probabilities"
    core = only_outputs(core, {core.graph.output[0].name: output})
    if isinstance(model.prepare, Pictures | Tokens):
        if model.classes_ is not None:
            core = with_labels(core, model.classes_)
        return finished(core, PREPARED, frame.columns)
    return _after_preparation(core, model, model.prepare, frame)


def _after_preparation(core: onnx.ModelProto, model: Any, prepare: Any, frame: pl.DataFrame) -> bytes:
    """The file whose inputs are the columns themselves."""
    takes, columns, inputs = _inputs(prepare, frame)
    if prepare is not None:
        core = behind(_convert(prepare, inputs, {}), core)
    if model.classes_ is not None:
        core = with_labels(core, model.classes_)
    return finished(core, takes, columns)


def _inputs(prepare: Any, frame: pl.DataFrame) -> tuple[str, list[str], list[tuple[str, Any]]]:
    """How the file takes its columns, which, and their types for skl2onnx."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    if not hasattr(prepare, "transformers_"):
        return MATRIX, frame.columns, [("X", FloatTensorType([None, frame.width]))]
    kinds = {"categories": StringTensorType, "dates": DoubleTensorType}
    found: list[tuple[str, Any]] = []
    for label, _, given in prepare.transformers_:
        if label == "remainder":
            continue
        kind = kinds.get(label, StringTensorType if label.startswith("text ") else FloatTensorType)
        found += [(name, kind([None, 1])) for name in ([given] if isinstance(given, str) else given)]
    return EACH, [name for name, _ in found], found


def _convert(model: Any, inputs: list[tuple[str, Any]], options: dict[int, Any]) -> onnx.ModelProto:
    from skl2onnx import convert_sklearn
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Of other locales a machine may have none: the comparison finds texts for which it matters.
    every: dict[Any, Any] = {**options, TfidfVectorizer: {"locale": "C"}}
    return renamed(
        convert_sklearn(model, name="model", initial_types=inputs, options=every, target_opset=OPSETS)
    )


def _check_size(estimator: Any) -> None:
    nodes = sum(
        tree.tree_.node_count for tree in getattr(estimator, "estimators_", ()) if hasattr(tree, "tree_")
    )
    if nodes > MOST_NODES:
        raise InvalidInput(f"its trees have {nodes:,} nodes; up to {MOST_NODES:,} are converted")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what the converters say about themselves out of the job's log."""
    loggers = [
        logging.getLogger(name)
        for name in ("torch.onnx", "skl2onnx", "onnxscript", "torch.onnx._internal.exporter._registration")
    ]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)
