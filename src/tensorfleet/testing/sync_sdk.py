"""Makes the blocking client of the asynchronous one: `sdk/jobs.py` of `sdk/aio/jobs.py`, and so on.

Run as a module it writes the files.  What cannot be told by a word (how to sleep, what a lock is) is in `ground.py`, of
which there are two, written by hand.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

SDK = Path(__file__).parents[1] / "sdk"
SOURCES = SDK / "aio"
BY_HAND = frozenset({"__init__.py", "ground.py"})
_RULES = [
    (re.compile(pattern), into)
    for pattern, into in (
        (r"\btensorfleet\.sdk\.aio\b", "tensorfleet.sdk"),
        (r"\basync (?=def|for|with)", ""),
        (r"\(await ([\w.]+\((?:[^()]|\([^()]*\))*\))\)(?=[.\[])", r"\1"),
        (r"\bawait ", ""),
        (r"\bAsync(?=[A-Z])", ""),
        (r"\basync_auth_flow\b", "sync_auth_flow"),
        (r"\basynccontextmanager\b", "contextmanager"),
        (r"\ba(?=closing\b|close\(|read\(|iter_bytes\(|iter_lines\()", ""),
        (r"\b__a(?=enter__|exit__|iter__)", "__"),
        (r"\bAwaitable\[(\w+)\]", r"\1"),
        (r"\bseveral tasks\b", "several threads"),
        (r"\bone of its tasks\b", "one of its threads"),
        (r"\banother task\b", "another thread"),
    )
]
_TIDY = ("I", "F401", "UP028", "C416", "RET504", "UP034")


def made_of(source: Path) -> str:
    """The blocking file, formatted as all others, under a line that says so."""
    name = f"src/tensorfleet/sdk/{source.name}"
    select = ("--select", ",".join(_TIDY), "--fix-only", "--unsafe-fixes", "--exit-zero")
    fixed = _ruff(blocking(source.read_text()), "check", *select, name=name)
    body = _ruff(fixed, "format", name=name)
    return f"# Made of sdk/aio/{source.name} by `make sdk`: change that file. {_digest(body)}\n{body}"


def changed_by_hand(path: Path) -> bool:
    """Whether a file is not as it was made: what somebody has written into it would be lost."""
    head, _, body = path.read_text().partition("\n")
    return not head.endswith(f" {_digest(body)}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def blocking(text: str) -> str:
    """The same code without waiting; in texts and comments too."""
    for pattern, into in _RULES:
        text = pattern.sub(into, text)
    return text


def _ruff(text: str, *words: str, name: str) -> str:
    command = [sys.executable, "-m", "ruff", *words, "--quiet", "--stdin-filename", name, "-"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, cwd=SDK.parents[2]
    )
    if done.returncode != 0:
        raise SystemExit(f"ruff cannot read what was made of {name}: {done.stderr}")
    return done.stdout


def sources() -> list[Path]:
    return sorted(path for path in SOURCES.glob("*.py") if path.name not in BY_HAND)


def main() -> None:
    for source in sources():
        made = SDK / source.name
        if made.exists() and changed_by_hand(made):
            raise SystemExit(
                f"sdk/{made.name} was changed by hand: write it into sdk/aio/{made.name}, with `async` and `await`,"
                f" and delete sdk/{made.name}; it is then made anew"
            )
        made.write_text(made_of(source))


if __name__ == "__main__":
    main()
