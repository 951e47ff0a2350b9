"""What retention needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Protocol

from tensorfleet.objects.ports import ObjectInfo
from tensorfleet.retention.model import Ended, Kind


class RetentionStore(Protocol):
    """What has ended, in the metadata store.  Thread-safe; every method is one transaction."""

    def ended(
        self, kind: Kind, before: datetime, limit: int, after: tuple[datetime, str] | None
    ) -> list[Ended]:
        """Jobs that ended before an instant and have something of this kind, the oldest first, behind one of them."""
        ...

    def existing(self, job_ids: Collection[str]) -> set[str]: ...

    def entries_bytes(self, job_id: str, kind: Kind | None) -> int:
        """How much its entries of this kind (None: all) take in the event log."""
        ...

    def remove_entries(self, job: Ended, kind: Kind) -> bool:
        """Removes them, if the job has not begun again; whether that is so."""
        ...


class Objects(Protocol):
    def list(self, prefix: str) -> Iterator[ObjectInfo]: ...
    def delete(self, key: str) -> None: ...
