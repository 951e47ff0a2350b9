"""Answers that fit into an agent's context: cut to a size, and without secrets.  Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")

MOST_TEXT = 1000
MOST_PART = 4000
_DEPTH = 6
_SECRET = re.compile(
    r"(?:^|[_.-])(?:secret|password|passwd|token|api[_-]?key|access[_-]?key|credentials?)$", re.I
)
_OPTION = re.compile(r"^(--?[\w.-]+)(?:=(.*))?$", re.S)
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]+@")
HIDDEN = "***"


def short(text: object, most: int = MOST_TEXT) -> str:
    """The text, with its middle left out where it is longer than `most`; addresses lose the password in them."""
    said = _IN_ADDRESS.sub(f"{HIDDEN}@", str(text))
    if len(said) <= most:
        return said
    note = f" [... {len(said) - most} characters left out ...] "
    half = max(0, most - len(note)) // 2
    return f"{said[:half]}{note}{said[len(said) - half :]}" if half else said[:most]


def brief(value: Any, most: int = MOST_PART) -> Any:
    """A value of JSON of about the same shape whose text has at most `most` characters, without secrets."""
    known = redacted(value)
    for keep in (200, 50, 20, 8, 3):
        cut = _cut(known, keep, keep * 10, _DEPTH)
        if _size(cut) <= most:
            return cut
    text, keep = json.dumps(_cut(known, 3, 30, 2), ensure_ascii=False, default=str), most
    while _size(text) > most:
        keep //= 2
        text = short(text, keep)
    return text


def redacted(value: Any) -> Any:
    """The same without what is named as a secret, in mappings and among the arguments of a command."""
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if _SECRET.search(str(key)) and item not in (None, "") else redacted(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return _redacted_list(value)
    return value


def _redacted_list(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    secret_follows = False
    for value in values:
        option = _OPTION.match(value) if isinstance(value, str) else None
        secret = bool(option and _SECRET.search(option[1]))
        if option and secret and option[2] is not None:
            found.append(f"{option[1]}={HIDDEN}")
        else:
            found.append(HIDDEN if secret_follows and not option else redacted(value))
        secret_follows = bool(option) and secret and option is not None and option[2] is None
    return found


def _cut(value: Any, items: int, text: int, depth: int) -> Any:
    if isinstance(value, str):
        return short(value, text)
    if isinstance(value, Mapping):
        if depth == 0:
            return f"{{{len(value)} fields}}"
        cut = {
            short(key, 100): _cut(item, items, text, depth - 1) for key, item in islice(value.items(), items)
        }
        return cut if len(value) <= items else {**cut, "...": f"{len(value) - items} more"}
    if isinstance(value, (list, tuple)):
        if depth == 0:
            return f"[{len(value)} items]"
        shown = [_cut(item, items, text, depth - 1) for item in value[:items]]
        return shown if len(value) <= items else [*shown, f"... {len(value) - items} more"]
    return value if value is None or isinstance(value, (bool, int, float)) else short(value, text)


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))


def thinned(points: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of them, evenly spread, with the first and the last."""
    if len(points) <= most:
        return list(points)
    if most < 2:
        return list(points[-1:])[:most]
    return [points[index * (len(points) - 1) // (most - 1)] for index in range(most)]


def last_lines(lines: Sequence[str], most: int, line: int = 400) -> list[str]:
    """The last lines, each cut, that together have at most `most` characters."""
    kept: list[str] = []
    for text in (short(text, line) for text in reversed(lines)):
        most -= len(text) + 1
        if most < 0:
            break
        kept.append(text)
    return kept[::-1]
