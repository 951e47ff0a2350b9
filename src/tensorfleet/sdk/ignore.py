"""The simple part of .gitignore: comments, `!`, `/` anchors, `dir/`, `*`, `?`, `[abc]` and `**`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tensorfleet.errors import InvalidInput

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
    """Says whether a path below the folder is left out; the last rule that matches wins, as in git."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line)) is not None]

    @classmethod
    def of(cls, folder: Path) -> IgnoreRules:
        path = folder / ".gitignore"
        if not path.is_file():
            return cls(())
        try:
            return cls(path.read_text().splitlines())
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{path} is not UTF-8 text") from error

    def skips(self, path: str, *, is_dir: bool) -> bool:
        """Whether `path` (relative, with `/`) is left out, and with it all that is below."""
        if path.rsplit("/", 1)[-1] in ALWAYS_SKIPPED:
            return True
        skipped = False
        for pattern, only_dirs, keep in self._rules:
            if (is_dir or not only_dirs) and pattern.fullmatch(path):
                skipped = not keep
        return skipped


def _rule(line: str) -> tuple[re.Pattern[str], bool, bool] | None:
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    keep = text.startswith("!")
    text = text.removeprefix("!")
    only_dirs = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    body = _regex(text.lstrip("/"))
    return re.compile(body if anchored else f"(?:.*/)?{body}", re.DOTALL), only_dirs, keep


_TOKEN = re.compile(r"\*\*/|/\*\*|\*\*|\*|\?|\[[^\]/]+\]|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _regex(glob: str) -> str:
    return "".join(_MEANING.get(token) or _literal(token) for token in _TOKEN.findall(glob))


def _literal(token: str) -> str:
    if len(token) == 1:
        return re.escape(token)
    inner = token[1:-1].replace("\\", r"\\").replace("[", r"\[")
    return f"[^{inner[1:]}]" if inner[0] in "!^" and len(inner) > 1 else f"[{inner}]"
