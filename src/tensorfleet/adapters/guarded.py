"""Outer things behind a circuit breaker: the same ports, answering at once while the thing is away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from tensorfleet.errors import Unavailable
from tensorfleet.kit.breaker import Breaker, BreakerOpen
from tensorfleet.kit.clock import Clock, steady_clock
from tensorfleet.objects.ports import STREAM_BYTES, LocalFiles, ObjectInfo, ObjectStore
from tensorfleet.registry.model import Candidate, ModelVersion, Point, Run, RunStatus
from tensorfleet.registry.ports import TrackingBackend


def is_away(error: BaseException) -> bool:
    """Whether the thing did not answer; whatever else it says, it is there."""
    return isinstance(error, Unavailable)


@contextmanager
def guarded(breaker: Breaker, name: str) -> Iterator[None]:
    """One use of the thing called `name`.

    Raises:
        Unavailable: it was not tried, as it has not answered lately; says since when, why, and when it is tried again.
    """
    try:
        breaker.enter()
    except BreakerOpen as refused:
        reading = refused.reading
        again = f"; it is tried again at {reading.next_try_at:%H:%M:%S} UTC" if reading.next_try_at else ""
        raise Unavailable(
            f"{name} has been away since {reading.since:%H:%M:%S} UTC ({reading.last_error}){again}"
        ) from refused
    with breaker.watch():
        yield


class GuardedObjectStore:
    """An `ObjectStore` behind a breaker.  Made by `guard_objects`."""

    def __init__(self, inner: ObjectStore, breaker: Breaker) -> None:
        self.inner = inner
        self.breaker = breaker

    def put(self, key: str, data: bytes, *, overwrite: bool = True) -> bool:
        with self._guarded():
            return self.inner.put(key, data, overwrite=overwrite)

    def get(self, key: str) -> bytes:
        with self._guarded():
            return self.inner.get(key)

    def get_range(self, key: str, start: int, end: int) -> bytes:
        with self._guarded():
            return self.inner.get_range(key, start, end)

    def stream(self, key: str, chunk_bytes: int = STREAM_BYTES) -> Iterator[bytes]:
        pieces = self.inner.stream(key, chunk_bytes)
        while True:
            with self._guarded():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def copy(self, source: str, target: str) -> None:
        with self._guarded():
            self.inner.copy(source, target)

    def size(self, key: str) -> int | None:
        with self._guarded():
            return self.inner.size(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        items = self.inner.list(prefix)
        while True:
            with self._guarded():
                item = next(items, None)
            if item is None:
                return
            yield item

    def delete(self, key: str) -> None:
        with self._guarded():
            self.inner.delete(key)

    def ping(self) -> None:
        with self._guarded():
            self.inner.ping()

    def _guarded(self) -> AbstractContextManager[None]:
        return guarded(self.breaker, "the object store")


class GuardedFolder(GuardedObjectStore):
    """One whose objects are files of this machine."""

    def local_path(self, key: str) -> Path:
        assert isinstance(self.inner, LocalFiles)
        return self.inner.local_path(key)


def guard_objects(inner: ObjectStore, clock: Clock | None = None) -> GuardedObjectStore:
    """The same store; after three calls in a row without an answer it is left alone for 1 s, later for up to 15 s."""
    kind = GuardedFolder if isinstance(inner, LocalFiles) else GuardedObjectStore
    return kind(inner, Breaker(is_away, clock or steady_clock(), failures=3, first_s=1.0, most_s=15.0))


class GuardedTracking:
    """A `TrackingBackend` behind a breaker."""

    def __init__(self, inner: TrackingBackend, breaker: Breaker) -> None:
        self._inner = inner
        self._breaker = breaker

    def ping(self) -> None:
        with self._guarded():
            self._inner.ping()

    def open_run(self, run: Run) -> str:
        with self._guarded():
            return self._inner.open_run(run)

    def log_points(self, run_id: str, points: Sequence[Point]) -> None:
        with self._guarded():
            self._inner.log_points(run_id, points)

    def set_status(self, run_id: str, status: RunStatus) -> None:
        with self._guarded():
            self._inner.set_status(run_id, status)

    def end_run(
        self, run_id: str, status: RunStatus, at: datetime, metrics: dict[str, float], tags: dict[str, str]
    ) -> None:
        with self._guarded():
            self._inner.end_run(run_id, status, at, metrics, tags)

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        with self._guarded():
            self._inner.log_files(run_id, files)

    def register(self, candidate: Candidate) -> tuple[int, datetime]:
        with self._guarded():
            return self._inner.register(candidate)

    def set_alias(self, name: str, alias: str, version: int | None) -> None:
        with self._guarded():
            self._inner.set_alias(name, alias, version)

    def versions(self) -> Iterator[ModelVersion]:
        with self._guarded():
            yield from self._inner.versions()

    def _guarded(self) -> AbstractContextManager[None]:
        return guarded(self._breaker, "MLflow")
