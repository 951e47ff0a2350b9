"""Use cases of quotas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorfleet.access.current import no_workspace, require
from tensorfleet.access.model import DEFAULT_WORKSPACE, Permission
from tensorfleet.audit.current import note
from tensorfleet.kit.clock import Clock
from tensorfleet.quotas.model import Limits
from tensorfleet.quotas.schemas import quota_to_dict
from tensorfleet.quotas.store import SqlQuotaStore


class QuotaService:
    """Who is in a workspace sees its quota; administrators of the platform set it: those of a workspace would set their own."""

    def __init__(
        self, store: SqlQuotaStore, exists: Callable[[str], bool], clock: Clock, wake: Callable[[], None]
    ) -> None:
        """`wake` is called after a change: what waits may start now."""
        self._store = store
        self._exists = exists
        self._clock = clock
        self._wake = wake

    def read(self, workspace: str) -> dict[str, Any]:
        """Raises:
        NotFound: there is no such workspace, or the caller is not in it.
        """
        require(Permission.JOBS_READ, workspace)
        limits, source = self._store.find(workspace)
        if source == "none":
            self._check(workspace)
        return quota_to_dict(workspace, limits, source, self._store.used(workspace, self._clock()))

    def set(self, workspace: str, limits: Limits | None) -> dict[str, Any]:
        """Replaces the quota; None: what the settings say holds again."""
        require(Permission.PLATFORM_ADMIN)
        self._check(workspace)
        before, _ = self._store.find(workspace)
        self._store.set(workspace, limits, self._clock())
        after, _ = self._store.find(workspace)
        note(workspace=workspace, before=before.to_dict(), after=after.to_dict())
        self._wake()
        return self.read(workspace)

    def _check(self, workspace: str) -> None:
        if workspace != DEFAULT_WORKSPACE and not self._exists(workspace):
            raise no_workspace(workspace)
