"""What the datasets slice needs from the metadata store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tensorfleet.datasets.model import Dataset, Version


class DatasetStore(Protocol):
    """Names and versions of datasets, per workspace.  Thread-safe; every method is one transaction."""

    def create(self, dataset: Dataset) -> bool:
        """Adds the dataset; False, and nothing changes, when the workspace has one of that name."""
        ...

    def find(self, name: str, workspace: str) -> Dataset | None:
        """The dataset with its latest version's number, or None."""
        ...

    def list(
        self,
        workspace: str,
        after: str = "",
        limit: int = 100,
        *,
        prefix: str = "",
        descending: bool = False,
    ) -> Sequence[Dataset]:
        """Datasets whose names begin with `prefix`, by name; those that come after `after` (empty: from the first)."""
        ...

    def add_version(self, version: Version) -> tuple[Version, bool]:
        """Adds the next version (`version.version` is ignored), and the dataset when there is none.

        Returns the version that has this digest, and whether it is new: no content is there twice.
        """
        ...

    def find_version(self, name: str, workspace: str, version: int | None = None) -> Version | None:
        """That version, or the latest one."""
        ...

    def find_digest(self, name: str, workspace: str, digest: str) -> Version | None:
        """The version with that content."""
        ...

    def versions(
        self, name: str, workspace: str, before: int | None = None, limit: int = 100
    ) -> Sequence[Version]:
        """Versions older than `before`, newest first."""
        ...

    def delete(self, name: str, workspace: str) -> Sequence[str]:
        """Removes the dataset with all versions; returns the digests that no dataset has any more."""
        ...

    def is_used(self, digest: str) -> bool:
        """Whether any version of any dataset has this content."""
        ...
