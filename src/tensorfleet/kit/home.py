"""Where a home is, and the two files in it that local clients read; light, because clients load it."""

from __future__ import annotations

import os
from pathlib import Path

TOKEN_FILE = "token"  # noqa: S105 - a file name
ADDRESS_FILE = "address.json"


def default_home() -> Path:
    return Path(os.environ.get("TENSORFLEET_HOME") or Path.home() / ".tensorfleet")
