"""The examples of the reference: sections of the files in `examples/reference`, in the order in which they are run.

A section begins with a line `#: NAME, NAME` of what it shows, and perhaps ` -- how: it is run`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "examples" / "reference"
COMMANDS = FOLDER / "commands"
PYTHON = FOLDER / "python"
FILES = FOLDER / "files"
HOOK = "https://chat.example.org/hook"
"""What examples call a server that takes webhooks; tests put their own in its place."""
_HEAD = re.compile(r"^#: (?P<names>.+?)(?: -- (?P<how>.+))?\n", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """Attributes:
    names: what it is an example of: `jobs show`, `Job.wait`.
    how: what a test has to know to run it, empty for most.
    place: file and line.
    """

    names: tuple[str, ...]
    text: str
    how: str
    place: str


def read_examples(folder: Path) -> list[Example]:
    """Every section of the folder's files, by the names of the files."""
    return [example for path in sorted(folder.iterdir()) if path.is_file() for example in _sections(path)]


def _sections(path: Path) -> Iterator[Example]:
    text = path.read_text()
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        names = tuple(name.strip() for name in head["names"].split(","))
        line = text.count("\n", 0, head.start()) + 1
        yield Example(names, text[head.end() : end].strip(), head["how"] or "", f"{path.name}:{line}")


def by_name(examples: Iterable[Example]) -> dict[str, list[Example]]:
    """The examples of each thing."""
    found: dict[str, list[Example]] = {}
    for example in examples:
        for name in example.names:
            found.setdefault(name, []).append(example)
    return found
