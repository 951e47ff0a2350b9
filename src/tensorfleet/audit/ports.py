"""What the audit log needs from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tensorfleet.audit.model import Anchor, Checkpoint, Draft, Entry, Keys


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; None leaves a field open.  `begin` and `end` are microseconds since 1970, the end not within."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    workspaces: tuple[str, ...] | None = None
    begin: int | None = None
    end: int | None = None
    subject: str | None = None
    """The account that is meant by `target`, where that is the name of one."""


class AuditStore(Protocol):
    """The chain.  Thread-safe; several processes may append at once.

    Raises (every method):
        Unavailable: the store is away; nothing was written, or the call can be repeated: no draft gets two entries.
    """

    def append(self, drafts: Sequence[Draft], keys: Keys) -> Entry | None:
        """Puts the drafts behind the last entry, in their order, those left out that are there by their id.

        Returns the last entry of the chain; None where there is none.
        """
        ...

    def page(self, wanted: AuditFilter, limit: int, below: int | None) -> list[Entry]:
        """The newest entries before the place `below`, the newest first."""
        ...

    def walk(self, wanted: AuditFilter = AuditFilter()) -> Iterator[Entry]:
        """Every entry that was there when it began, in the chain's order, in pages: nothing is held in between."""
        ...

    def checkpoint(self) -> Checkpoint | None:
        """What the newest entry about dropping says."""
        ...

    def drop_before(self, instant: int, at: int, keys: Keys) -> int:
        """Drops from the front what is older than an instant, and appends an entry that says so; how many were dropped.

        The last entry always stays.  A long piece is dropped in several calls.
        """
        ...


class Anchors(Protocol):
    """A second place, out of reach of those who can change the log.  Raises Unavailable when it is away."""

    def put(self, anchor: Anchor) -> None: ...

    def all(self) -> list[Anchor]: ...
