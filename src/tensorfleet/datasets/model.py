"""What a dataset is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tensorfleet.errors import InvalidInput

Format = Literal["csv", "parquet"]
ColumnType = Literal["number", "integer", "boolean", "category", "text", "date", "binary"]

MAX_NAME = 100
NULL_VALUES = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""Cells of a CSV that stand for a missing value; whoever reads one takes these."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET_NAMES = (
    *("target", "label", "labels", "class", "y", "outcome", "species", "cultivar", "diagnosis"),
    *("survived", "progression", "quality", "category", "result"),
)


@dataclass(frozen=True)
class Column:
    """One column; `unique` is None when there are more different values than were counted."""

    name: str
    type: ColumnType
    missing: int
    unique: int | None

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "type": self.type, "missing": self.missing, "unique": self.unique}


@dataclass(frozen=True)
class Dataset:
    """A name under which versions are kept."""

    name: str
    workspace: str
    description: str | None
    created_at: datetime
    latest_version: int | None = None


@dataclass(frozen=True)
class Inspection:
    """What was found in a file."""

    rows: int
    columns: tuple[Column, ...]
    profile: dict[str, Any]
    target: str | None


@dataclass(frozen=True)
class Version:
    """One immutable content of a dataset; `digest` names its blob."""

    name: str
    workspace: str
    version: int
    digest: str
    format: Format
    rows: int
    bytes: int
    columns: tuple[Column, ...]
    profile: dict[str, Any]
    target: str | None
    source: str | None
    created_at: datetime


def check_name(name: str) -> str:
    """Returns `name` when it can name a dataset.

    Raises:
        InvalidInput: it is empty, too long, or has a character that is not a letter, a digit or one of `._-`.
    """
    if len(name) > MAX_NAME:
        raise InvalidInput(
            f"the dataset name '{name[:40]}...' has {len(name)} characters; {MAX_NAME} are the limit"
        )
    if not _NAME.fullmatch(name):
        rule = "use letters, digits and ._-, with a letter or digit first"
        raise InvalidInput(f"the dataset name {name!r} cannot be used; {rule}")
    return name


def parse_reference(reference: str) -> tuple[str, int | None]:
    """`digits` -> (digits, None), `digits@3` -> (digits, 3).

    Raises:
        InvalidInput: the name or the version cannot be one.
    """
    name, at, version = reference.partition("@")
    check_name(name)
    if not at or version == "latest":
        return name, None
    if not (version.isascii() and version.isdigit() and 0 < int(version[:10]) < 2**31):
        raise InvalidInput(
            f"'{reference[:150]}': '{version[:40]}' is not a version; write {name}@1, or only {name}"
        )
    return name, int(version)


def guess_target(names: Iterable[str]) -> str | None:
    """The column that is most likely to be predicted: one with a usual name, else the last."""
    columns = list(names)
    by_lower = {name.strip().lower(): name for name in reversed(columns)}
    for usual in _TARGET_NAMES:
        if usual in by_lower:
            return by_lower[usual]
    return columns[-1] if columns else None
