"""What of a folder of code is left out: what git ignores there, and caches."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tensorfleet.errors import InvalidInput

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".gitignore"
ALWAYS_SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        ".venv",
        ".tensorfleet",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".ipynb_checkpoints",
    }
)


class IgnoreRules:
    """The rules of one folder and of those above it; those that lie deeper win, and of one file the last that matches."""

    def __init__(self, lines: Iterable[str] = (), above: IgnoreRules | None = None, below: str = "") -> None:
        """`below`: where the folder of `lines` lies, relative to that of `above` (`sub`)."""
        self._spec = _spec_of(lines)
        self._above = above
        self._prefix = f"{below}/" if below else ""

    @classmethod
    def of(cls, folder: Path) -> IgnoreRules:
        """The rules for a folder, with those of the repository that it lies in."""
        chain = [folder]
        root = next((path for path in (folder, *folder.parents) if (path / ".git").exists()), folder)
        while chain[0] != root:
            chain.insert(0, chain[0].parent)
        rules = cls(_lines_in(root))
        for path in chain[1:]:
            rules = rules.within(path)
        return rules

    def within(self, folder: Path) -> IgnoreRules:
        """The rules for a folder in this one."""
        return IgnoreRules(_lines_in(folder), self, folder.name)

    def skips(self, name: str, *, is_dir: bool) -> bool:
        """Whether something in this folder is left out, and with it all that is below."""
        return name in ALWAYS_SKIPPED or self._verdict(f"{name}/" if is_dir else name) is True

    def _verdict(self, path: str) -> bool | None:
        """True: left out; False: kept for certain; None: no rule says anything."""
        found = self._spec.check_file(path).include if self._spec is not None else None
        if found is None and self._above is not None:
            return self._above._verdict(self._prefix + path)
        return found


def _spec_of(lines: Iterable[str]) -> GitIgnoreSpec | None:
    lines = list(lines)
    if not lines:
        return None
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)


def _lines_in(folder: Path) -> list[str]:
    path = folder / IGNORE_FILE
    if not path.is_file():
        return []
    try:
        return path.read_text().splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text") from error
