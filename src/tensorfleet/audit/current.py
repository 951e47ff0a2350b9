"""What the running use case adds to the audit log's entry of the call that it answers.

A context variable, as the caller is: threads that answer a request inherit it.  Where nothing is recorded it does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass
class Notes:
    """Of one call.  `actor`: id and name, where the call itself finds out who it is, as a sign-in does."""

    before: Any = None
    after: Any = None
    target: tuple[str, str] | None = None
    workspace: str | None = None
    actor: tuple[str, str] | None = None


_notes: ContextVar[Notes | None] = ContextVar("audit_notes", default=None)


def note(
    *,
    before: Any = None,
    after: Any = None,
    target: tuple[str, str] | None = None,
    workspace: str | None = None,
    actor: tuple[str, str] | None = None,
) -> None:
    """Adds to the entry: JSON values, never a secret; what is left out stays as it is.

    >>> note(before={"role": "viewer"}, after={"role": "admin"}, target=("user", user.id))
    """
    notes = _notes.get()
    if notes is None:
        return
    notes.before = notes.before if before is None else before
    notes.after = notes.after if after is None else after
    notes.target = target or notes.target
    notes.workspace = workspace or notes.workspace
    notes.actor = actor or notes.actor


@contextmanager
def noting() -> Iterator[Notes]:
    """Collects what is noted in the body."""
    notes = Notes()
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)
