"""What git knows of a folder: the commit, the branch, and what has changed since."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MOST_DIFF_BYTES = 256 * 1024
LIMIT_S = 10.0
# No hook, monitor or diff program that a repository names is run.
_COMMAND = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True)
class GitState:
    """Attributes:
    branch: None where no branch is checked out.
    dirty: whether anything in the folder is not as it was committed; new files count.
    diff: the changes of files that git knows, cut off at MOST_DIFF_BYTES; empty when there are none.
    """

    commit: str
    branch: str | None
    dirty: bool
    diff: bytes
    truncated: bool


def read_git(folder: Path) -> GitState | None:
    """The state of the repository that `folder` lies in; None without one, without a commit, or without git."""
    commit = _asked(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    branch = _asked(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    changed = _asked(folder, "status", "--porcelain", "--untracked-files=all", "--", ".")
    diff = _asked(
        folder, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--relative", "--", "."
    )
    diff = diff or b""
    return GitState(
        commit=commit.decode().strip(),
        branch=branch.decode("utf-8", "replace").strip()[:300] if branch else None,
        dirty=bool(changed),
        diff=diff[:MOST_DIFF_BYTES],
        truncated=len(diff) > MOST_DIFF_BYTES,
    )


def _asked(folder: Path, *words: str) -> bytes | None:
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [*_COMMAND, "-C", str(folder), *words], capture_output=True, timeout=LIMIT_S, env=env, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
