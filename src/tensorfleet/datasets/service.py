"""What can be done with datasets."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tensorfleet.audit.current import note
from tensorfleet.datasets.inspection import Inspector
from tensorfleet.datasets.model import Dataset, Format, Inspection, Version, check_name, parse_reference
from tensorfleet.datasets.ports import DatasetStore
from tensorfleet.datasets.preview import typed
from tensorfleet.datasets.samples import SAMPLES, sample_csv
from tensorfleet.datasets.uploads import Uploads
from tensorfleet.errors import Conflict, InvalidInput, NotFound, TooLarge, nearest
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.objects.blobs import Blob, BlobStore

_NAMES_FOR_HINT = 1000


class DatasetService:
    """Use cases of datasets.  Thread-safe and synchronous: call it from a worker thread.

    Attributes:
        uploads: sessions of uploads in chunks, kept in `work_dir/uploads`.
    """

    def __init__(
        self,
        store: DatasetStore,
        blobs: BlobStore,
        work_dir: Path,
        *,
        inspector: Inspector,
        max_upload_bytes: int = 1024**4,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._inspector = inspector
        self._max_upload_bytes = max_upload_bytes
        self._clock = clock
        self._one_sample = threading.Lock()
        self.uploads = Uploads(blobs, work_dir / "uploads", max_upload_bytes)

    def create(self, name: str, description: str | None = None, workspace: str = "default") -> Dataset:
        """Adds a name without a version.

        Raises:
            InvalidInput: it cannot be a name.
            Conflict: there is one.
        """
        dataset = Dataset(check_name(name), workspace, description, self._clock())
        if not self._store.create(dataset):
            raise Conflict(
                f"there is a dataset '{name}' already; add a version to it, or choose another name"
            )
        note(target=("dataset", name), workspace=workspace, after={"description": description})
        return dataset

    def add_version(
        self,
        name: str,
        pieces: Iterable[bytes],
        file_format: Format | None = None,
        *,
        target: str | None = None,
        source: str | None = None,
        workspace: str = "default",
    ) -> tuple[Version, bool]:
        """Stores a file, of any size and in bounded memory, and adds it as the next version.

        Returns the version and whether it is new: content that is there already gives its version.
        A failure at any point, `pieces` raising included, leaves no version and no part of the file.

        Raises:
            InvalidInput: the name cannot be one, or the target is not a column.
            DataInvalid: the file is not a table in that format (told from its first bytes when None).
            TooLarge: it is over the limit.
        """
        check_name(name)
        limited = self._limited(pieces)
        first = next(limited, b"")
        blob = self._blobs.put_stream(itertools.chain([first], limited))
        return self._register(name, workspace, blob, file_format or _format_of(first), target, source)

    def commit_upload(
        self,
        name: str,
        upload_id: str,
        file_format: Format | None = None,
        *,
        target: str | None = None,
        source: str | None = None,
        workspace: str = "default",
    ) -> tuple[Version, bool]:
        """As `add_version`, from an upload session, which ends unless a chunk is missing."""
        check_name(name)
        blob = self.uploads.commit(upload_id)
        try:
            file_format = file_format or _format_of(next(self._blobs.stream(blob.digest, 0, 4), b""))
            return self._register(name, workspace, blob, file_format, target, source)
        finally:
            self.uploads.forget(upload_id)

    def check_size(self, size: int) -> None:
        """Raises TooLarge when a file of `size` bytes would be over the limit."""
        if size > self._max_upload_bytes:
            raise TooLarge(f"the file is larger than the {self._max_upload_bytes} bytes that are allowed")

    def resolve(self, reference: str, workspace: str = "default") -> Version:
        """The version that `name` (the latest) or `name@version` means; a sample is added at first use.

        Raises:
            InvalidInput: it cannot be a name.
            NotFound: there is none; names the nearest.
        """
        name, number = parse_reference(reference)
        found = self._store.find_version(name, workspace, number)
        if found is not None:
            return found
        if name in SAMPLES and number in (None, 1) and self._store.find(name, workspace) is None:
            with self._one_sample:
                return self._store.find_version(name, workspace) or self._add_sample(name, workspace)
        latest = self.get(name, workspace).latest_version
        has = f"its versions are 1 to {latest}" if latest else "it has no version yet; add a file to it"
        raise NotFound(f"there is no dataset '{reference}': {has}")

    def get(self, name: str, workspace: str = "default") -> Dataset:
        """The dataset.

        Raises:
            NotFound: there is none; names the nearest.
        """
        dataset = self._store.find(name, workspace)
        if dataset is None and name in SAMPLES:
            raise NotFound(
                f"the sample '{name}' is not here yet; it is added when a job or a download asks for it"
            )
        if dataset is None:
            known = {
                item.name for item in self._store.list(workspace, limit=_NAMES_FOR_HINT)
            } | SAMPLES.keys()
            raise NotFound(f"there is no dataset '{name[:100]}'; {nearest(name[:100], known)}")
        return dataset

    def list(
        self,
        workspace: str = "default",
        after: str = "",
        limit: int = 100,
        *,
        prefix: str = "",
        descending: bool = False,
    ) -> Sequence[Dataset]:
        return self._store.list(workspace, after, limit, prefix=prefix, descending=descending)

    def versions(
        self, name: str, workspace: str = "default", before: int | None = None, limit: int = 100
    ) -> Sequence[Version]:
        """Its versions, newest first."""
        self.get(name, workspace)
        return self._store.versions(name, workspace, before, limit)

    def open(self, version: Version, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The file, or a range of it, in pieces; every piece is verified."""
        return self._blobs.stream(version.digest, start, end)

    def rows(self, version: Version, offset: int, limit: int) -> Sequence[Sequence[Any]]:
        """Up to `limit` rows of its first columns, from row `offset` on; what comes after them is not read.

        Raises:
            DataInvalid: getting there takes too much time or memory.
            Unavailable: too many ask at the same time.
        """
        if offset >= version.rows:
            return []
        found = self._inspector.preview(version.digest, version.format, offset, limit)
        return typed(found, version.columns) if version.format == "csv" else found

    def delete(self, name: str, workspace: str = "default") -> None:
        """Removes the dataset, its versions, and their files unless another dataset has the same content."""
        there_was = self.get(name, workspace)
        digests = self._store.delete(name, workspace)
        note(workspace=workspace, before={"latest_version": there_was.latest_version, "removed": digests})
        for digest in digests:
            self._blobs.delete(digest)

    def _register(
        self,
        name: str,
        workspace: str,
        blob: Blob,
        file_format: Format,
        target: str | None,
        source: str | None,
    ) -> tuple[Version, bool]:
        existing = self._store.find_digest(name, workspace, blob.digest)
        if existing is not None:
            note(workspace=workspace, after={"version": existing.version, "created": False})
            return existing, False
        try:
            found = self._inspector.inspect(blob.digest, file_format)
            version = Version(
                name=name,
                workspace=workspace,
                version=0,
                digest=blob.digest,
                format=file_format,
                rows=found.rows,
                bytes=blob.bytes,
                columns=found.columns,
                profile=found.profile,
                target=_check_target(target, found),
                source=source,
                created_at=self._clock(),
            )
            added, created = self._store.add_version(version)
            said = {"version": added.version, "digest": added.digest, "rows": added.rows, "created": created}
            note(workspace=workspace, after=said)
            return added, created
        except BaseException:
            if not self._store.is_used(blob.digest):
                self._blobs.delete(blob.digest)
            raise

    def _add_sample(self, name: str, workspace: str) -> Version:
        source = f"scikit-learn, {SAMPLES[name].file}"
        target = SAMPLES[name].target
        return self.add_version(
            name, [sample_csv(name)], "csv", target=target, source=source, workspace=workspace
        )[0]

    def _limited(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        total = 0
        for piece in pieces:
            total += len(piece)
            self.check_size(total)
            yield piece


def _format_of(first: bytes) -> Format:
    return "parquet" if first.startswith(b"PAR1") else "csv"


def _check_target(target: str | None, found: Inspection) -> str | None:
    names = [column.name for column in found.columns]
    if target is not None and target not in names:
        raise InvalidInput(
            f"the target '{target[:100]}' is not a column of the file; {nearest(target[:100], names)}"
        )
    return target if target is not None else found.target
