"""Pieces of ONNX models: brought to one version, put behind each other, with outputs of the names that ours have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tensorfleet.training.onnx_file import COLUMNS, TAKES

if TYPE_CHECKING:
    import numpy as np
    import onnx

    Array = np.ndarray[Any, Any]

OPSETS = {"": 20, "ai.onnx.ml": 3}
IR_VERSION = 10


def levelled(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model in our versions of the standard's operators; those of trees only gained abilities since version 1."""
    from onnx import helper, version_converter

    known = {one.domain: one.version for one in model.opset_import}
    if known.get("", OPSETS[""]) != OPSETS[""]:
        model = version_converter.convert_version(model, OPSETS[""])
    del model.opset_import[:]
    model.opset_import.extend(helper.make_operatorsetid(*item) for item in (known | OPSETS).items())
    model.ir_version = IR_VERSION
    return model


def renamed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model whose inner values are numbered anew: converters count on from one model to the next."""
    names = {one.name: one.name for one in (*model.graph.input, *model.graph.output)} | {"": ""}
    _number(model.graph, names)
    return model


def _number(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    def numbered(name: str) -> str:
        return names.setdefault(name, f"v{len(names)}")

    for one in (*graph.input, *graph.initializer):
        one.name = numbered(one.name)
    for node in graph.node:
        node.name = ""
        node.input[:] = [numbered(name) for name in node.input]
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                _number(inner, names)
        node.output[:] = [numbered(name) for name in node.output]
    for one in graph.output:
        one.name = numbered(one.name)
    del graph.value_info[:]


def behind(first: onnx.ModelProto, second: onnx.ModelProto) -> onnx.ModelProto:
    """One model: what `first` gives goes into `second`, whose outputs keep their names, as the inputs of `first` do."""
    from onnx import compose

    before = compose.add_prefix(levelled(first), "prepare/", rename_inputs=False)
    after = compose.add_prefix(levelled(second), "model/", rename_outputs=False)
    link = [(before.graph.output[0].name, after.graph.input[0].name)]
    joined: onnx.ModelProto = compose.merge_models(before, after, io_map=link)
    return joined


def only_outputs(model: onnx.ModelProto, names: dict[str, str]) -> onnx.ModelProto:
    """The model with these of its outputs, each under a new name."""
    from onnx import compose, helper

    model, kept = compose.add_prefix(model, "inner/", rename_inputs=False), []
    names = {f"inner/{old}": new for old, new in names.items()}
    for output in model.graph.output:
        if output.name in names:
            model.graph.node.append(helper.make_node("Identity", [output.name], [names[output.name]]))
            kind, rank = output.type.tensor_type.elem_type, len(output.type.tensor_type.shape.dim)
            kept.append(helper.make_tensor_value_info(names[output.name], kind, [None] * rank))
    del model.graph.output[:]
    model.graph.output.extend(kept)
    return model


def with_labels(model: onnx.ModelProto, classes: Array) -> onnx.ModelProto:
    """The model, whose output `probabilities` [rows, classes] gets a `label` [rows] beside it: the likeliest class."""
    from onnx import helper

    values, kind = _constant(classes)
    model.graph.initializer.append(helper.make_tensor("out/classes", kind, [len(values)], values))
    model.graph.node.extend(
        [
            helper.make_node("ArgMax", ["probabilities"], ["out/likeliest"], axis=1, keepdims=0),
            helper.make_node("Gather", ["out/classes", "out/likeliest"], ["label"]),
        ]
    )
    model.graph.output.insert(0, helper.make_tensor_value_info("label", kind, [None]))
    return model


def _constant(classes: Array) -> tuple[list[Any], int]:
    from onnx import TensorProto

    if classes.dtype.kind in "iub":
        return [int(value) for value in classes], TensorProto.INT64
    return [str(value).encode() for value in classes], TensorProto.STRING


def finished(model: onnx.ModelProto, takes: str, columns: Sequence[str]) -> bytes:
    """The file's bytes: checked, without traces of the machine that made it, and with what it takes written into it."""
    import onnx
    from onnx import helper

    model = levelled(model)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.value_info[
        :
    ]  # converters state wrong shapes in between, and ONNX Runtime finds them itself
    del model.graph.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    model.producer_name, model.producer_version = "tensorfleet", ""
    model.graph.name = "model"
    helper.set_model_props(model, {TAKES: takes, COLUMNS: json.dumps(list(columns))})
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
