"""What personal fields need from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol


class PersonStore(Protocol):
    """The people's keys, sealed.  A person is called by the id of the account.  Thread-safe; every method is one transaction."""

    def keys(self, people: Iterable[str]) -> Mapping[str, str | None]:
        """Of those who have one, and None for who was erased."""
        ...

    def add(self, person: str, key: str, now: datetime) -> None:
        """Keeps a key, unless there is one, or the person was erased."""
        ...

    def name(self, person: str, mark: str, now: datetime) -> None:
        """Notes by what the person can be found when the account is gone."""
        ...

    def named(self, mark: str) -> str | None: ...

    def erase(self, person: str, name: str | None, now: datetime) -> bool:
        """Destroys the key and the mark, and puts the id where other tables have the name; False if that was done before."""
        ...


class Sealer(Protocol):
    def seal(self, plain: bytes, context: str) -> str: ...
    def open(self, sealed: str, context: str) -> bytes: ...
