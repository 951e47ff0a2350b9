"""ONNX files, which may come from anyone: what is refused before ONNX Runtime sees it, and how one predicts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import onnx
    import polars as pl

    Array = np.ndarray[Any, Any]

ONNX_FILE = "model.onnx"
MOST_BYTES = 2 * 1024**3 - 1
"""What a protobuf message can hold at all."""
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_RUNTIMES_OWN = "com.microsoft", "Tokenizer"
"""The one operator beyond the standard's, which has none that cuts a text into words."""
TAKES, COLUMNS = "tensorfleet.takes", "tensorfleet.columns"
MATRIX, EACH, PREPARED = "matrix", "columns", "prepared"
"""What a file takes: `X` [rows, columns]; each column as an input of its own [rows, 1]; or what the model's transformer gives."""


class OnnxModel:
    """An ONNX file of ours, in ONNX Runtime on this machine's CPUs.

    Args:
        data: the file's bytes, of any origin.
        prepare: the model's own transformer, for networks that take pictures or texts.
    """

    def __init__(self, data: bytes, prepare: Any = None, threads: int = 1) -> None:
        checked(data)
        self._session = _open(data, threads)
        told = self._session.get_modelmeta().custom_metadata_map
        self.takes = told.get(TAKES, MATRIX)
        self._columns = [str(name) for name in json.loads(told.get(COLUMNS, "[]"))]
        self._prepare = prepare

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """`{"name", "type", "shape"}` of each."""
        return [
            {"name": one.name, "type": one.type, "shape": list(one.shape)}
            for one in self._session.get_inputs()
        ]

    def run(self, frame: pl.DataFrame) -> dict[str, Array]:
        """The outputs by name: `label` and `probabilities`, or `prediction`.

        Raises:
            InvalidInput: the file fails on these rows.
        """
        names = [one.name for one in self._session.get_outputs()]
        try:
            return dict(zip(names, self._session.run(names, self._feed(frame)), strict=True))
        except Exception as error:  # its errors have no common class but this
            raise InvalidInput(f"the ONNX file cannot predict these rows: {_first_line(error)}") from error

    def predict(self, frame: pl.DataFrame) -> Array:
        """Labels or numbers, one for each row."""
        import numpy as np

        found = self.run(frame)
        return np.squeeze(found["label"] if "label" in found else found["prediction"])

    def predict_proba(self, frame: pl.DataFrame) -> Array:
        """Probabilities [rows, classes]."""
        found = self.run(frame)
        if "probabilities" not in found:
            raise InvalidInput("this model gives no probabilities; use predict")
        return found["probabilities"]

    def _feed(self, frame: pl.DataFrame) -> dict[str, Array]:
        import numpy as np

        inputs = self._session.get_inputs()
        if self.takes == EACH:
            return {one.name: _column(frame[one.name], one.type) for one in inputs}
        if self.takes == PREPARED:
            given = self._prepare.transform(frame)
        else:
            given = frame.select(self._columns or frame.columns).to_numpy().astype(np.float32)
        return {inputs[0].name: np.ascontiguousarray(given)}


def _column(column: pl.Series, kind: str) -> Array:
    """[rows, 1]; a missing text is '', other missing values are NaN, and dates seconds since 1970."""
    import numpy as np
    import polars as pl

    if kind == "tensor(string)":
        texts = column.cast(pl.String).fill_null("").to_list()
        return np.array(texts, dtype=object).reshape(-1, 1)
    if column.dtype in (pl.Date, pl.Datetime):
        column = column.dt.epoch("ms") / 1000
    wanted = np.float64 if kind == "tensor(double)" else np.float32
    return column.cast(pl.Float64).to_numpy().astype(wanted).reshape(-1, 1)


def checked(data: bytes, most_bytes: int = MOST_BYTES) -> onnx.ModelProto:
    """The model in these bytes.

    Raises:
        InvalidInput: they are too many, no ONNX file, name other files, or ask for operators beyond the standard's.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if len(data) > most_bytes:
        raise InvalidInput(f"the ONNX file has {len(data):,} bytes; at most {most_bytes:,} are read")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise InvalidInput(f"these {len(data):,} bytes are no ONNX file: {_first_line(error)}") from error
    for node in _nodes(model):
        if node.domain not in DOMAINS and (node.domain, node.op_type) != _RUNTIMES_OWN:
            raise InvalidInput(
                f"the ONNX file asks for '{node.op_type[:60]}' of '{node.domain[:60]}', beyond the standard's operators"
            )
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise InvalidInput(
                f"the ONNX file keeps '{tensor.name[:60]}' in another file; it has to hold all of its numbers itself"
            )
    return model


def _open(data: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InvalidInput(f"ONNX Runtime does not take the file: {_first_line(error)}") from error


def load_onnx(path: Path, prepare: Any = None) -> OnnxModel:
    """The model in a file.

    Raises:
        InvalidInput: it is none that may be loaded.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InvalidInput(f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read")
    return OnnxModel(path.read_bytes(), prepare)


def _graphs(model: onnx.ModelProto) -> Iterator[Any]:
    """Every graph and function in the model, also those inside of operators."""
    waiting: list[Any] = [model.graph, *model.functions]
    for training in model.training_info:
        waiting += [training.initialization, training.algorithm]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                waiting += [*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs]


def _nodes(model: onnx.ModelProto) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.node


def _tensors(model: onnx.ModelProto) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from getattr(graph, "initializer", ())
        yield from _dense(getattr(graph, "sparse_initializer", ()))
    for node in _nodes(model):
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            yield from _dense([attribute.sparse_tensor, *attribute.sparse_tensors])


def _dense(sparse: Iterable[Any]) -> Iterator[Any]:
    for one in sparse:
        yield from (one.values, one.indices)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
