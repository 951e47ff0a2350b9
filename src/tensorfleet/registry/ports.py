"""What the registry and the tracking writer need from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tensorfleet.registry.model import (
    ANY,
    Candidate,
    Expected,
    Intent,
    IntentKind,
    IntentResult,
    ModelVersion,
    Point,
    RegisteredModel,
    Run,
    RunStatus,
    TrackedJob,
)


class TrackingBackend(Protocol):
    """MLflow, or something like it.  Used from one thread; every write may be repeated, with the same result.

    Each method raises:
        Unavailable: it is away, locked or broken; the same call may work later.
        Internal: it answers, but failed at this call for a reason of its own; worth a few more tries.
        InvalidInput: it refused this item and will always refuse it.
    """

    def ping(self) -> None: ...

    def open_run(self, run: Run) -> str:
        """The id of the job's run: `run.run_id` if that exists, else the one tagged with it, else a new one.

        Parameters and the dataset are written too, if they were not yet.
        """
        ...

    def log_points(self, run_id: str, points: Sequence[Point]) -> None: ...

    def set_status(self, run_id: str, status: RunStatus) -> None: ...

    def end_run(
        self, run_id: str, status: RunStatus, at: datetime, metrics: dict[str, float], tags: dict[str, str]
    ) -> None:
        """Ends the run; of the final `metrics` those are added that have no history."""
        ...

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Puts files beside the run, by their paths.

        Raises:
            InvalidInput: its store of files does not take them, for whatever reason: everything else is worth more.
        """
        ...

    def register(self, candidate: Candidate) -> tuple[int, datetime]:
        """The version made of this candidate (at any time, found by `candidate.key`) and when it was made."""
        ...

    def set_alias(self, name: str, alias: str, version: int | None) -> None:
        """Points an alias at a version, or removes it (None)."""
        ...

    def versions(self) -> Iterator[ModelVersion]:
        """All versions, with their aliases; files, metrics and signature are not known here."""
        ...


class StoredObject(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def bytes(self) -> int: ...


class ModelFolders(Protocol):
    """The part of an object store that reads model folders."""

    def list(self, prefix: str) -> Iterator[StoredObject]: ...
    def get(self, key: str) -> bytes: ...
    def stream(self, key: str) -> Iterator[bytes]: ...


class RegistryStore(Protocol):
    """The projection that the API reads, and the intents that it writes.  Safe from several threads."""

    def models(
        self, limit: int, after: str | None, within: Sequence[str] | None = None
    ) -> list[RegisteredModel]: ...
    def model_names(self, workspace: str) -> list[str]: ...
    def versions(self, name: str, limit: int, below: int | None) -> list[ModelVersion]:
        """Newest first; `below` is the last version of the page before."""
        ...

    def version_numbers(self, name: str) -> list[int]: ...
    def find_version(self, name: str, version: int) -> ModelVersion | None: ...

    def set_alias(
        self, name: str, alias: str, version: int | None, now: datetime, *, expected: Expected = ANY
    ) -> None:
        """Changes the projection and leaves the intent for MLflow, in one transaction.

        Raises:
            PreconditionFailed: the alias does not point where `expected` says (None: nowhere).
        """
        ...

    def request(self, kind: IntentKind, data: dict[str, Any], now: datetime) -> int: ...
    def intent_result(self, intent_id: int) -> IntentResult: ...
    def find_job(self, job_id: str) -> TrackedJob | None: ...


class TrackingStore(Protocol):
    """The writer's side of the metadata store: jobs to track, intents to carry out, results to write back."""

    def find_job(self, job_id: str) -> TrackedJob | None: ...
    def record_run(self, job_id: str, run_id: str) -> None: ...

    def record_version(self, version: ModelVersion, now: datetime, *, tell_job: bool) -> None:
        """Saves the version and tells its job once (`model_version`, event `job.registered`), atomically."""
        ...

    def set_alias(self, name: str, alias: str, version: int | None, now: datetime) -> None: ...
    def record_skip(self, job_id: str | None, data: dict[str, Any], now: datetime) -> None: ...
    def open_intents(self, limit: int) -> list[Intent]: ...
    def close_intent(self, intent_id: int, result: dict[str, Any], now: datetime) -> None: ...

    def sync(self, versions: Sequence[ModelVersion]) -> None:
        """Makes the projection say what MLflow says, except for models that have open intents."""
        ...
