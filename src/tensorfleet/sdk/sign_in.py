"""Who has signed in by name: the tokens are kept in a file of the user."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, TextIO

from tensorfleet.kit.files import write_atomic

EARLY_S = 30.0
"""A token that ends within this time is not used any more: the call may take a while."""


def credentials_file() -> Path:
    """Where sign-ins are kept: `TENSORFLEET_CREDENTIALS`, else in the user's configuration folder."""
    given = os.environ.get("TENSORFLEET_CREDENTIALS")
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(given) if given else base / "tensorfleet" / "credentials.json"


class Credentials:
    """The file with the tokens of each server; several processes may use it at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or credentials_file()

    def find(self, url: str) -> dict[str, Any] | None:
        found = self._read().get(url)
        return found if isinstance(found, dict) else None

    def save(self, url: str, tokens: dict[str, Any] | None) -> None:
        """Keeps what a sign-in gave, or forgets it (None).  Nobody else can read the file.  Call it while `lock` is held."""
        kept = self._read()
        if tokens is None:
            kept.pop(url, None)
        else:
            ends = time.time() + float(tokens["expires_in"])
            names = ("access_token", "refresh_token")
            kept[url] = {name: tokens[name] for name in names} | {"expires_at": ends}
        write_atomic(self.path, json.dumps(kept, indent=1).encode(), mode=0o600)

    def lock(self) -> TextIO:
        """Waits until nobody else has it; closing what is returned gives it back.  Not to be nested."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self.path.parent / "credentials.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
