"""YAML and JSON files as plain values: nothing executes or is silently dropped, each field knows its line."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tensorfleet.errors import InvalidInput, TooLarge
from tensorfleet.kit.bounded_yaml import BoundedLoader

MAX_FILE_BYTES = 1024**2
MAX_VALUES = 100_000
MAX_DEPTH = 64


@dataclass(frozen=True)
class Document:
    """A file's mapping, and the line of each field by its path (`resources.workers`)."""

    value: dict[str, Any]
    lines: dict[str, int]


class _Loader(BoundedLoader):
    """A loader that refuses duplicate keys and reads `1e-3` as the number that it is in YAML 1.2."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' is there twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def read_document(path: Path) -> Document:
    """Reads a job file.

    Raises:
        InvalidInput: not there, not YAML or JSON, not a mapping, or with values that JSON does not
            have; names file and line.
        TooLarge: more than 1 MiB.
    """
    text = _text(path)
    try:
        if path.suffix == ".json":
            value, lines = json.loads(text, object_pairs_hook=_unique), {}
        else:
            loader = _Loader(text)
            node = loader.get_single_node()
            value = loader.construct_document(node) if node is not None else None
            lines = _lines(node) if node is not None else {}
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path}, line {error.lineno}: {error.msg}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidInput(
            f"{path}, line {mark.line + 1 if mark else 1}: {error.problem or error.context}"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"{path}: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise InvalidInput(f"{path}: it is nested too deeply") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{path}: a job file is a mapping such as 'name: digits', this is {_kind(value)}")
    return Document(_Plain(str(path), lines).copy(value, "", 0), lines)


def plain_mapping(value: dict[str, Any]) -> dict[str, Any]:
    """A deep copy of a mapping that holds nothing but what JSON has.

    Raises:
        InvalidInput: something in it is of another type; names the field.
    """
    copied: dict[str, Any] = _Plain("the job", {}).copy(value, "", 0)
    return copied


def parse_scalar(text: str) -> Any:
    """The value of `text` as it would stand in a job file: `5`, `[1, 2]`, `1e-3`, `true`.

    Raises:
        InvalidInput: it is not YAML.
    """
    try:
        return _Plain("the value", {}).copy(_Loader(text).get_single_data(), "", 0)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput(
            f"'{text}' is not a YAML value: {getattr(error, 'problem', None) or error}"
        ) from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no job file {path}") from error
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge(f"{path} is larger than 1 MiB; a job file is small, data belongs in a dataset")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{path}, line {line}: this is not UTF-8 text") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key '{key}' is there twice")
        found[key] = value
    return found


def _lines(root: yaml.Node) -> dict[str, int]:
    found: dict[str, int] = {}
    todo: list[tuple[str, yaml.Node, int]] = [("", root, 0)]
    while todo and len(found) < MAX_VALUES:
        path, node, depth = todo.pop()
        children: list[tuple[str, yaml.Node, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            children = [
                (str(key.value), key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)
            ]
        elif isinstance(node, yaml.SequenceNode):
            children = [(str(index), value, value) for index, value in enumerate(node.value)]
        for name, at, value in children:
            child = f"{path}.{name}" if path else name
            found[child] = at.start_mark.line + 1
            if depth < MAX_DEPTH:
                todo.append((child, value, depth + 1))
    return found


class _Plain:
    """Copies a value into plain JSON types, so that aliases cannot make a small file endless."""

    def __init__(self, source: str, lines: dict[str, int]) -> None:
        self._source = source
        self._lines = lines
        self._count = 0

    def copy(self, value: Any, path: str, depth: int) -> Any:
        self._count += 1
        if self._count > MAX_VALUES or depth > MAX_DEPTH:
            raise InvalidInput(f"{self._source}: too many values, or nested too deeply")
        if isinstance(value, dict):
            return {
                self._key(key, path): self.copy(item, _join(path, key), depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.copy(item, _join(path, index), depth + 1) for index, item in enumerate(value)]
        if isinstance(value, dt.date):
            return value.isoformat()
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refused(path, f"{value} is not a number that a job can have")
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        raise self._refused(path, f"{_kind(value)} cannot stand in a job")

    def _key(self, key: object, path: str) -> str:
        if isinstance(key, str):
            return key
        raise self._refused(_join(path, key), f"the key {key!r} is {_kind(key)}; write it in quotes")

    def _refused(self, path: str, why: str) -> InvalidInput:
        line = self._lines.get(path)
        where = f"{self._source}, line {line}" if line else self._source
        return InvalidInput(f"{where}: {path}: {why}" if path else f"{where}: {why}")


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _kind(value: object) -> str:
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return "empty" if value is None else names.get(type(value), f"a {type(value).__name__}")
