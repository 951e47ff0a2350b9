"""Model folders in the object store that were not written by a job of ours."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import yaml

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.bounded_yaml import load_bounded
from tensorfleet.registry.model import ModelFile
from tensorfleet.registry.ports import ModelFolders

_MLMODEL = "MLmodel"
_MOST_FILES = 10_000
_MOST_MLMODEL_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class Folder:
    files: tuple[ModelFile, ...]
    signature: dict[str, Any] | None


def read_folder(objects: ModelFolders, prefix: str) -> Folder:
    """Every file below the prefix with its checksum, and the signature that its `MLmodel` states.

    Raises:
        InvalidInput: there is no model folder in MLflow's form.
    """
    files: list[ModelFile] = []
    for found in objects.list(f"{prefix}/"):
        if len(files) == _MOST_FILES:
            raise InvalidInput(
                f"source_prefix '{prefix}' holds more than {_MOST_FILES} files; a model folder is smaller"
            )
        digest = hashlib.sha256()
        for chunk in objects.stream(found.key):
            digest.update(chunk)
        files.append(ModelFile(found.key.removeprefix(f"{prefix}/"), found.bytes, digest.hexdigest()))
    described = next((file for file in files if file.path == _MLMODEL), None)
    if described is None or described.bytes > _MOST_MLMODEL_BYTES:
        raise InvalidInput(
            f"source_prefix '{prefix}' holds no {_MLMODEL}; upload an MLflow model folder there"
        )
    return Folder(tuple(files), parse_signature(objects.get(f"{prefix}/{_MLMODEL}"), prefix))


def parse_signature(mlmodel: bytes, prefix: str) -> dict[str, Any] | None:
    """`{"inputs": [...], "outputs": [...]}` out of the text of an `MLmodel` file."""
    try:
        content = load_bounded(mlmodel)
        signature = content.get("signature")
        return (
            {side: json.loads(signature[side]) for side in ("inputs", "outputs") if signature.get(side)}
            if signature
            else None
        )
    except (yaml.YAMLError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InvalidInput(f"{prefix}/{_MLMODEL} cannot be read: {error}") from error
