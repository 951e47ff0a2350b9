"""Takes the values of a task's secrets out of what it leaves, before that goes to the orchestrator.

It finds a value as it is, in base64 (also in the middle of a longer text, as in an `Authorization` header), in a URL, and in
JSON or the `repr` of Python.  What code does to a value beyond that, such as printing it letter by letter, nobody can find:
masking keeps accidents out of logs, not people who mean to read a secret that their job was given.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
LEAST_LENGTH = 6
"""Shorter values would be found everywhere."""
_KEPT = frozenset({"kind", "key", "sha256", "digest", "status", "class"})
"""Fields of records and outcomes that refer to something: never the text of a task."""
LEFT_OUT = (
    b"[the rest is left out: the agent was started anew and cannot mask the secrets of the task in it]\n"
)


class Mask:
    """Of one task: `values` are those of its secrets."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        found = {form for value in values for form in _forms(value)}
        self._forms = sorted(found, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def __repr__(self) -> str:
        return f"Mask({len(self._forms)} forms)"

    def data(self, data: bytes) -> bytes:
        """A piece of a log."""
        spans = self._spans(data)
        if not spans:
            return data
        pieces, at = [], 0
        for begin, end in spans:
            pieces += [data[at:begin], MASK.encode()]
            at = end
        return b"".join((*pieces, data[at:]))

    def lines(self, data: bytes) -> bytes:
        """Lines of JSON: they stay JSON, and numbers stay numbers."""
        if not self._spans(data):
            return data
        return b"".join(self._line(line) for line in data.splitlines(keepends=True))

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it masked, names of fields too."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(name) if isinstance(name, str) else name: one if name in _KEPT else self.value(one)
                for name, one in value.items()
            }
        return [self.value(one) for one in value] if isinstance(value, list) else value

    def text(self, text: str) -> str:
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def whole(self, data: bytes) -> int:
        """How much of a piece can be sent: what follows is the beginning of a value that the next piece may go on with."""
        return min((_begun(data, form) for form in self._forms), default=len(data))

    def _line(self, line: bytes) -> bytes:
        if not self._spans(line):
            return line
        try:
            masked = json.dumps(self.value(json.loads(line))).encode()
        except (ValueError, RecursionError):
            return b"\n"  # torn: nobody can read it
        return masked + b"\n" * line.endswith(b"\n")

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where values are, those that touch or overlap as one."""
        merged: list[tuple[int, int]] = []
        for begin, end in sorted(self._found(data)):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _found(self, data: bytes) -> Iterator[tuple[int, int]]:
        for form in self._forms:
            at = data.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = data.find(form, at + len(form))


def _begun(data: bytes, form: bytes) -> int:
    """Where the last bytes of `data` begin to be `form` without being all of it; its end if nowhere."""
    at = data.find(form[:1], max(0, len(data) - len(form) + 1))
    while at >= 0:
        if form.startswith(data[at:]):
            return at
        at = data.find(form[:1], at + 1)
    return len(data)


def _forms(value: str) -> Iterator[bytes]:
    """What a value may look like; of one with several lines also each line, as logs are read line by line."""
    for text in {one.strip() for one in (value, *value.splitlines())}:
        if len(text) >= LEAST_LENGTH:
            yield from _spellings(text)


def _spellings(text: str) -> Iterator[bytes]:
    plain = text.encode()
    yield plain
    yield from (quote(text, safe="").encode(), quote_plus(text).encode(), quote(text).encode())
    yield from (json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode())
    yield repr(text)[1:-1].encode()
    for before in range(3):
        yield from _in_base64(plain, before)


def _in_base64(plain: bytes, before: int) -> Iterator[bytes]:
    """Those letters of its base64 that stay the same whatever stands around it, with `before` bytes (modulo 3) in front."""
    letters = b64encode(bytes(before) + plain)
    first = -(-before * 8 // 6)
    last = (before + len(plain)) * 8 // 6
    core = letters[first:last]
    if len(core) >= LEAST_LENGTH:
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def has_secrets(task_file: bytes) -> bool:
    """Whether a task was given secrets, as its `task.json` says; so if that cannot be read."""
    try:
        return bool(json.loads(task_file)["spec"].get("secrets"))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return True


def references(data: bytes) -> bytes:
    """Of records that cannot be masked: numbers, and what refers to something."""
    kept = []
    for line in data.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        kept.append(json.dumps(without_texts(found)).encode() + b"\n")
    return b"".join(kept)


def without_texts(value: Any) -> Any:
    """A JSON value in which texts that nobody can mask are left out."""
    if isinstance(value, dict):
        return {name: one if name in _KEPT else without_texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_texts(one) for one in value]
    return MASK if isinstance(value, str) else value
