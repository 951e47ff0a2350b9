"""UBJSON (https://ubjson.org), as XGBoost writes it.

The reader checks lengths and nesting, and makes nothing but plain values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_PLAIN = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}
_MARKERS = {kind[1:]: marker for marker, kind in _NUMBERS.items()}
_WORDS = {"T": True, "F": False, "Z": None}
_DEEPEST = 32


class NotUbjson(ValueError):
    """The bytes are something else, or are cut off."""


def read_ubjson(data: bytes) -> Any:
    """The value in the bytes: dicts, lists, texts, numbers, and numpy arrays for arrays of one type of number.

    Raises:
        NotUbjson: there is none, or there is more.
    """
    reader = _Reader(data)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(data):
        raise NotUbjson(f"{len(data) - reader.at} bytes follow the end")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self.at:
            raise NotUbjson(f"it ends within a value, at byte {self.at}")
        found = self._data[self.at : self.at + count]
        self.at += count
        return found

    def marker(self) -> str:
        return self.take(1).decode("latin-1")

    def value(self, marker: str, depth: int) -> Any:
        if depth > _DEEPEST:
            raise NotUbjson("it is nested too deeply")
        if marker in _PLAIN:
            return self._number(marker)
        if marker == "S":
            return self._text()
        if marker in _WORDS:
            return _WORDS[marker]
        if marker == "{":
            return self._object(depth)
        if marker == "[":
            return self._array(depth)
        raise NotUbjson(f"there is no type {marker!r}, at byte {self.at}")

    def _number(self, marker: str) -> int | float:
        if marker not in _PLAIN:
            raise NotUbjson(f"{marker!r} is no number, at byte {self.at}")
        found: int | float = struct.unpack(_PLAIN[marker], self.take(struct.calcsize(_PLAIN[marker])))[0]
        return found

    def _count(self) -> int:
        found = self._number(self.marker())
        if not isinstance(found, int):
            raise NotUbjson("a length is not a whole number")
        return found

    def _text(self) -> str:
        try:
            return self.take(self._count()).decode()
        except UnicodeDecodeError as error:
            raise NotUbjson("a text is not UTF-8") from error

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._data[self.at : self.at + 1] != b"}":
            name = self._text()
            if name in found:
                raise NotUbjson(f"the name '{name[:60]}' stands twice in an object")
            found[name] = self.value(self.marker(), depth + 1)
        self.take(1)
        return found

    def _array(self, depth: int) -> list[Any] | np.ndarray[Any, Any]:
        marker = self.marker()
        if marker == "$":
            return self._typed()
        if marker == "#":
            return [self.value(self.marker(), depth + 1) for _ in range(self._bounded())]
        found = []
        while marker != "]":
            found.append(self.value(marker, depth + 1))
            marker = self.marker()
        return found

    def _typed(self) -> np.ndarray[Any, Any]:
        import numpy as np

        marker = self.marker()
        if marker not in _NUMBERS or self.marker() != "#":
            raise NotUbjson(f"an array of {marker!r} has no length or no numbers, at byte {self.at}")
        kind = np.dtype(_NUMBERS[marker])
        data = self.take(self._bounded() * kind.itemsize)
        return np.frombuffer(data, dtype=kind).astype(kind.newbyteorder("="))

    def _bounded(self) -> int:
        """A count of values that can be there: each takes a byte at least."""
        count = self._count()
        if not 0 <= count <= len(self._data) - self.at:
            raise NotUbjson(f"it ends within an array, at byte {self.at}")
        return count


def write_ubjson(value: Any) -> bytes:
    """The bytes of dicts, lists, texts, whole numbers and numpy arrays of one dimension."""
    return b"".join(_written(value))


def _written(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        yield b"{"
        for name, inner in value.items():
            yield from (_length(len(name.encode())), name.encode())
            yield from _written(inner)
        yield b"}"
    elif isinstance(value, list):
        yield from (b"[#", _length(len(value)))
        for inner in value:
            yield from _written(inner)
    elif isinstance(value, str):
        yield from (b"S", _length(len(value.encode())), value.encode())
    elif isinstance(value, int):
        yield _length(value)
    else:
        kind = value.dtype.newbyteorder(">")
        yield from (b"[$", _MARKERS[value.dtype.str[1:]].encode(), b"#", _length(len(value)))
        yield value.astype(kind).tobytes()


def _length(value: int) -> bytes:
    return b"L" + struct.pack(">q", value)
