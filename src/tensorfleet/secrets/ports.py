"""What secrets need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tensorfleet.secrets.model import Secret


@dataclass(frozen=True)
class SealedRow:
    """A sealed record as it is stored: `ref` finds it again, `context` is what it is bound to."""

    ref: str
    context: str
    sealed: str


class SealedRows(Protocol):
    """A table with sealed records, for whoever replaces the platform's key.  Thread-safe; every method is one transaction."""

    def sealed_otherwise(self, key: str, after: str, limit: int) -> Sequence[SealedRow]:
        """Records that are not sealed with this key, by `ref`, those after the one called `after`."""
        ...

    def reseal(self, row: SealedRow, sealed: str, key: str) -> bool:
        """Replaces a record, unless it was changed meanwhile (then False)."""
        ...


class KeyNotes(Protocol):
    """Which key the platform seals with: all its processes read the same here.  Thread-safe."""

    def current_key(self) -> str | None:
        """The id that was noted last; None before anything was sealed."""
        ...

    def note_key(self, key: str, now: datetime) -> None: ...


class SecretStore(SealedRows, KeyNotes, Protocol):
    """Secrets of workspaces.  Thread-safe; every method is one transaction."""

    def put(self, secret: Secret, sealed: str) -> bool:
        """Keeps version 1, or one more than there is; False, and nothing changes, when another caller was quicker."""
        ...

    def find(self, workspace: str, name: str) -> Secret | None: ...

    def list(self, workspace: str) -> Sequence[Secret]:
        """By name."""
        ...

    def delete(self, workspace: str, name: str) -> bool: ...
