"""Checkpoint files: nested state as one safetensors file, without pickle.

The tensors lie in the file as safetensors; the tree around them is JSON in its metadata, next to a SHA-256 of
tree and tensors, so that a file proves on its own that it is whole.  Beside the state of the training code it says, under
`about`, what the platform needs: the step, the watched metric, the random state of each rank.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore

_KEY = re.compile(r"checkpoints/[^/]+/(\d+)-(\d+)\.safetensors")
_MOST_HEADER_BYTES = 100 * 1024**2
_SCALARS = (str, bool, int, float, type(None))


class Damaged(Exception):
    """The bytes are not a whole checkpoint of ours."""


@dataclass(frozen=True)
class Frozen:
    """A state as it was at one moment: its tree, and copies of its arrays in this machine's memory."""

    tree: str
    arrays: dict[str, Any]


@dataclass(frozen=True)
class CheckpointId:
    """What a checkpoint's key says."""

    key: str
    attempt: int
    step: int
    bytes: int


def checkpoint_key(job_id: str, attempt: int, step: int) -> str:
    return f"checkpoints/{job_id}/{attempt}-{step}.safetensors"


def step_of(key: str) -> int:
    """The step in a checkpoint's key; -1 for another key."""
    match = _KEY.fullmatch(key)
    return int(match[2]) if match else -1


def find_checkpoints(objects: ObjectStore, job_id: str) -> list[CheckpointId]:
    """The job's checkpoints, the newest first."""
    found: list[CheckpointId] = []
    for key, size in _listed(objects, f"checkpoints/{job_id}/"):
        match = _KEY.fullmatch(key)
        if match:
            found.append(CheckpointId(key, int(match[1]), int(match[2]), size))
    return sorted(found, key=lambda one: (one.attempt, one.step), reverse=True)


def list_checkpoints(objects: ObjectStore, job_id: str) -> list[str]:
    """Keys of the job's checkpoints, the newest first."""
    return [one.key for one in find_checkpoints(objects, job_id)]


def _listed(objects: ObjectStore, prefix: str) -> Iterator[tuple[str, int]]:
    try:
        yield from ((info.key, info.bytes) for info in objects.list(prefix))
    except NotFound:
        return


def freeze(state: Any) -> Frozen:
    """A copy of the state that later training steps do not change.

    Args:
        state: dicts, lists and tuples of tensors, numpy arrays, numbers, strings, bytes, booleans and None.

    Raises:
        InvalidInput: something else is in it; the message says where.
    """
    arrays: dict[str, Any] = {}
    tree = json.dumps(_pack(state, "state", arrays), separators=(",", ":"))
    return Frozen(tree, {name: _copied(array) for name, array in arrays.items()})


def _copied(array: Any) -> Any:
    import numpy as np

    if isinstance(array, np.ndarray):
        return np.array(array, order="C")
    return array.detach().to("cpu", copy=True).contiguous()


def encode(state: Any, about: Any = None) -> bytes:
    """`state` (see `freeze`) as the bytes of one safetensors file.

    Raises:
        InvalidInput: it holds what a checkpoint cannot hold.
    """
    return encode_frozen(freeze(state), about)


def encode_frozen(frozen: Frozen, about: Any = None) -> bytes:
    """The bytes of one safetensors file; `about` is what the platform adds, of the same kinds of values."""
    arrays = dict(frozen.arrays)
    metadata = {"tensorfleet": "1", "tree": frozen.tree}
    if about is not None:
        metadata["about"] = json.dumps(_pack(about, "about", arrays), separators=(",", ":"))
    header, payload = _split(_serialize(arrays))
    header["__metadata__"] = metadata | {"sha256": _checksum(metadata, payload)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + payload


def decode(data: bytes) -> Any:
    """The state in a checkpoint's bytes; tensors come back on the CPU.

    Raises:
        Damaged: the file is cut off or altered, or is no checkpoint.
    """
    return decode_both(data)[0]


def decode_both(data: bytes) -> tuple[Any, Any]:
    """The state, and what is said about it (None in a file that says nothing).

    Raises:
        Damaged: as `decode`.
    """
    try:
        header, payload = _split(data)
        metadata = header["__metadata__"]
        tree, about = metadata["tree"], metadata.get("about", "null")
        if metadata["sha256"] != _checksum(metadata, payload):
            raise Damaged("its checksum differs")
        arrays = _deserialize(data, '"torch"' in tree)
        return _unpack(json.loads(tree), arrays), _unpack(json.loads(about), arrays)
    except Damaged:
        raise
    except Exception as error:  # whatever a parser says of foreign bytes
        raise Damaged(f"it cannot be read ({type(error).__name__}: {error})") from error


def read_value(objects: ObjectStore, key: str) -> float | None:
    """The watched metric's value that a stored checkpoint names; its tensors are not read."""
    try:
        length = int.from_bytes(objects.get_range(key, 0, 8), "little")
        header = json.loads(objects.get_range(key, 8, 8 + min(length, _MOST_HEADER_BYTES)))
        about = dict(json.loads(header["__metadata__"]["about"])["dict"])
        value = about.get("value")
    except (ValueError, KeyError, TypeError, NotFound):
        return None
    return float(value) if isinstance(value, int | float) else None


def _pack(value: Any, path: str, arrays: dict[str, Any]) -> Any:
    """Scalars stand for themselves; everything else is a one-key object that names its kind."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, dict):
        return {"dict": [[_key(k, path), _pack(v, f"{path}[{k!r}]", arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(v, f"{path}[{i}]", arrays) for i, v in enumerate(value)]}
    if isinstance(value, bytes | bytearray):
        return {"bytes": base64.b64encode(value).decode()}
    array_kind = _array_kind(value)
    if array_kind is None:
        return _pack(_plain_scalar(value, path), path, arrays)
    name = f"{path.removeprefix('state') or 'value'}#{len(arrays)}"
    arrays[name] = value
    return {array_kind: name}


def _key(key: Any, path: str) -> Any:
    if type(key) in _SCALARS:
        return key
    raise InvalidInput(
        f"{path} has a key of type {type(key).__name__}; keys of a checkpoint are strings, numbers or None"
    )


def _plain_scalar(value: Any, path: str) -> Any:
    """The number in a numpy scalar, an enum of numbers and the like."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if type(value).__module__ == "numpy" and hasattr(value, "item") and type(value.item()) in _SCALARS:
        return value.item()
    raise InvalidInput(
        f"{path} is a {type(value).__module__}.{type(value).__qualname__}, which a checkpoint cannot hold; "
        "give tensors, arrays, numbers, strings, bytes, and dicts, lists or tuples of them"
    )


def _array_kind(value: Any) -> str | None:
    import numpy as np

    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufc":
            raise InvalidInput(
                f"an array of {value.dtype} cannot be kept in a checkpoint; give numbers or a list of strings"
            )
        return "numpy"
    return "torch" if hasattr(value, "detach") and hasattr(value, "untyped_storage") else None


def _serialize(arrays: dict[str, Any]) -> bytes:
    import numpy as np

    if all(isinstance(array, np.ndarray) for array in arrays.values()):
        import safetensors.numpy

        return bytes(
            safetensors.numpy.save({name: np.asarray(array, order="C") for name, array in arrays.items()})
        )
    import safetensors.torch
    import torch

    tensors = {}
    seen: set[int] = set()
    for name, array in arrays.items():
        tensor = (
            torch.from_numpy(np.array(array))
            if isinstance(array, np.ndarray)
            else array.detach().cpu().contiguous()
        )
        # safetensors refuses tensors that share memory (tied weights, views); each gets its own copy.
        storage = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if storage in seen else tensor
        seen.add(storage)
    return bytes(safetensors.torch.save(tensors))


def _deserialize(data: bytes, with_torch: bool) -> dict[str, Any]:
    if with_torch:
        import safetensors.torch

        return dict(safetensors.torch.load(data))
    import safetensors.numpy

    return dict(safetensors.numpy.load(data))


def _unpack(node: Any, arrays: dict[str, Any]) -> Any:
    if not isinstance(node, dict):
        return node
    ((kind, value),) = node.items()
    if kind == "dict":
        return {key: _unpack(item, arrays) for key, item in value}
    if kind in ("list", "tuple"):
        items = [_unpack(item, arrays) for item in value]
        return items if kind == "list" else tuple(items)
    if kind == "bytes":
        return base64.b64decode(value)
    array = arrays[value]
    return array.numpy() if kind == "numpy" and hasattr(array, "numpy") else array


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    if length > len(data) - 8:
        raise Damaged("it is cut off")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _checksum(metadata: dict[str, str], payload: bytes) -> str:
    digest = hashlib.sha256(metadata["tree"].encode())
    digest.update(metadata.get("about", "").encode())
    digest.update(payload)
    return digest.hexdigest()
