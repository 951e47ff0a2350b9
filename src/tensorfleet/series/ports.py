"""What series need from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tensorfleet.series.segment import Head, Segment


@dataclass(frozen=True)
class Entry:
    """An entry of the log of kind `metrics`."""

    id: int
    data: dict[str, Any]
    bytes: int = 0


@dataclass(frozen=True)
class Grown:
    """So many bytes of metrics have come to a job's part of the log."""

    id: int
    job_id: str
    bytes: int


class SeriesStore(Protocol):
    """Segments beside the log that they are made of.  Thread-safe; every method is one transaction."""

    def rolled(self, job_id: str) -> int:
        """Up to which entry the job's part of the log is in segments; 0 for none."""
        ...

    def heads(self, job_id: str, rank: int, since: int) -> list[Head]:
        """Of the segments that lie wholly after an entry, in the order of the log."""
        ...

    def blobs(
        self, job_id: str, rank: int, after: Sequence[int], *, whole: bool
    ) -> Iterator[tuple[int, bytes]]:
        """The points of the segments that begin after these entries, all of them or the roll-up."""
        ...

    def entries(self, job_id: str, after: int, upto: int | None = None) -> Iterator[Entry]: ...

    def add(self, job_id: str, after: int, upto: int, segments: dict[int, Segment]) -> bool:
        """Keeps a stretch of the log, by rank, all of it or nothing.

        Returns:
            Whether it did: not if somebody else has rolled up what comes after `after`, or the entries are gone.
        """
        ...

    def grown(self, position: int, limit: int) -> list[Grown]:
        """The metrics in the log after an entry, in its order."""
        ...

    def waiting_bytes(self, job_id: str, upto: int) -> int:
        """How much of the job's metrics, up to an entry, is in no segment yet."""
        ...
