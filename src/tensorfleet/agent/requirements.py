"""What a job wants of its environment, and whether this machine's Python will do.  No input or output."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

NETWORK = re.compile(
    r"error sending request|dns error|failed to lookup|connection (?:refused|reset|closed)|timed out|timeout|"
    r"temporary failure|network is unreachable|invalid peer certificate|tls handshake|"
    r"\b(?:5\d\d|429) (?:internal|server error|too many|service|bad gateway|gateway)",
    re.IGNORECASE,
)
FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_DECIDED = ("No solution found", "Failed to build")
"""What uv says when it has all that it needs, and cannot do it."""
_MOST = 600


@dataclass(frozen=True)
class Wanted:
    """`exact`: the lines are a lock, of which nothing is added or left out."""

    lines: tuple[str, ...]
    exact: bool

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Wanted | None:
        lines = tuple(spec.get("requirements") or ())
        return cls(lines, bool(spec.get("lock"))) if lines else None

    @property
    def hashed(self) -> bool:
        """Whether every line says which files it means: then nothing else is taken, and nothing is added."""
        return all(" --hash=" in line for line in self.lines)

    def digest(self, python: str, base: Sequence[str]) -> str:
        """Names the environment: the same for the same lines on the same Python with the same packages below it."""
        lines = sorted({" ".join(line.split()) for line in self.lines})
        text = json.dumps([lines, self.exact, python, sorted(base)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class NotReady(Exception):
    """An environment that a job cannot have: `cls` is the failure's class, `detail` one sentence."""

    def __init__(self, cls: str, detail: str) -> None:
        super().__init__(detail)
        self.cls = cls
        self.detail = detail

    def outcome(self) -> dict[str, Any]:
        return {"status": "failed", "class": self.cls, "message": self.detail, "traceback": ""}


def check_python(wanted: str | None, here: str) -> None:
    """Whether `here` (`3.11.7`) is a Python that the job takes.

    Raises:
        NotReady: it is not, or `wanted` is no version.
    """
    if not wanted:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = wanted.strip()
    try:
        # `3.12` means any 3.12, as people write it.
        specifiers = SpecifierSet(f"=={text}.*" if re.fullmatch(r"\d+(\.\d+)?", text) else _specifier(text))
    except InvalidSpecifier as error:
        raise NotReady(
            "user_error", f"python: '{wanted[:60]}' is no version; write 3.11 or >=3.11"
        ) from error
    if not specifiers.contains(here, prereleases=True):
        detail = f"the job wants Python {wanted[:60]}, and this worker runs {here}; change python in the job file, or"
        raise NotReady("user_error", f"{detail} start a worker with that Python")


def _specifier(text: str) -> str:
    return f"=={text}" if re.fullmatch(r"\d+\.\d+\.\d+\S*", text) else text


def why_failed(said: str, code: int) -> NotReady:
    """What `uv` said, as one sentence, and whose fault it is."""
    sentence = reason(said) or f"uv ended with code {code}"
    if FULL.search(said):
        return NotReady("infrastructure", f"the worker's disk is full: {sentence}")
    if NETWORK.search(sentence) and not sentence.startswith(_DECIDED):
        return NotReady("infrastructure", f"the job's packages could not be fetched: {sentence}")
    return NotReady("user_error", f"the job's environment cannot be built: {sentence}")


def reason(said: str) -> str:
    """uv's explanation in one line: its error, the causes, and the last word of a build that failed."""
    lines = [line.strip() for line in said.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith("error:")), None)
    if first is None:
        return " ".join(lines[-3:]).strip()[:_MOST]
    told = list(takewhile(lambda line: line and not line.startswith(("[", "hint:")), lines[first:]))
    if "[stderr]" in lines:
        shown = takewhile(
            lambda line: line and not line.startswith("hint:"), lines[lines.index("[stderr]") + 1 :]
        )
        told += list(shown)[-1:]
    text = " ".join(told).removeprefix("error:").replace(" cause: ", ": ").strip()
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."
