"""Lines out of the pieces in which a task's output arrives."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
MAX_LINE_CHARS = 64 * 1024


@dataclass(frozen=True)
class LogLine:
    """One line that a task wrote; `str(line)` is its text."""

    text: str
    rank: int
    attempt: int

    def __str__(self) -> str:
        return self.text


class LineJoiner:
    """Puts pieces of several ranks together into whole lines, without escape codes and control characters."""

    def __init__(self) -> None:
        self._rest: dict[tuple[int, int], str] = {}

    def feed(self, text: str, *, rank: int, attempt: int) -> list[LogLine]:
        """The lines that `text` completes; a line without an end is given out when it grows too long."""
        source = (rank, attempt)
        *whole, rest = (self._rest.get(source, "") + text).split("\n")
        if len(rest) > MAX_LINE_CHARS:
            whole, rest = [*whole, rest], ""
        self._rest[source] = rest
        return [LogLine(clean(line), rank, attempt) for line in whole]

    def flush(self) -> list[LogLine]:
        """What is left of lines that were never ended."""
        left = [LogLine(clean(text), *source) for source, text in self._rest.items() if text]
        self._rest.clear()
        return left


def clean(line: str) -> str:
    """The line as a person would see it: a progress bar that rewrote it (`\\r`) counts only as it ended."""
    shown = _ESCAPES.sub("", line).rstrip("\r").rsplit("\r", 1)[-1]
    return _CONTROLS.sub("", shown)
