"""What one process proves who it is with: its key, its certificate, and whom it trusts; one file, readable by its owner."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from tensorfleet.kit.files import write_atomic

FILE = "identity.json"
AUTHORITY_FILE = "authority.json"
"""Of the authority itself, in a folder of its own."""


@dataclass(frozen=True)
class Credentials:
    """`certificate` is a chain and `roots` a bundle, both in PEM; `authority` is where the next one is to be had."""

    role: str
    name: str
    key: str
    certificate: str
    roots: str
    given_at: float
    expires_at: float
    authority: str

    def good(self, now: datetime) -> bool:
        return now.timestamp() < self.expires_at

    def due(self, now: datetime) -> bool:
        """Whether half of its life is over: the other half is for an authority that is away."""
        return now.timestamp() >= (self.given_at + self.expires_at) / 2


class Identity:
    """The credentials in a folder.  `current` follows the file, whoever renews it; safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._seen: tuple[tuple[int, int], Credentials] | None = None

    @property
    def path(self) -> Path:
        return self._path

    def find(self) -> Credentials | None:
        """What the file has now; None where there is none."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        changed = (status.st_mtime_ns, status.st_ino)
        seen = self._seen
        if seen is None or seen[0] != changed:
            seen = self._seen = (changed, Credentials(**json.loads(self._path.read_bytes())))
        return seen[1]

    @property
    def current(self) -> Credentials:
        found = self.find()
        assert found is not None, f"{self._path} is gone"
        return found

    def save(self, credentials: Credentials) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(self._path, json.dumps(asdict(credentials)).encode(), mode=0o600)
