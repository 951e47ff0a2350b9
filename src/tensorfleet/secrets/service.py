"""Use cases of secrets.  Nothing here gives a value back: values go from the orchestrator to tasks, and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from tensorfleet.audit.current import note
from tensorfleet.errors import Conflict, NotFound, nearest
from tensorfleet.kit.clock import Clock
from tensorfleet.secrets.model import (
    MOST_SECRETS,
    Rotation,
    Secret,
    check_name,
    check_value,
    check_workspace,
    context_of,
)
from tensorfleet.secrets.ports import SealedRows, SecretStore
from tensorfleet.secrets.vault import Vault

TRIES = 5


class SecretService:
    """`tables` are all that hold sealed records; those of secrets alone where nothing is said."""

    def __init__(
        self,
        store: SecretStore,
        vault: Vault,
        clock: Clock,
        tables: Sequence[SealedRows] | None = None,
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._tables = tables if tables is not None else (store,)

    def put(self, workspace: str, name: str, value: str, by: str) -> Secret:
        """Keeps a value under a name, in place of the one before.

        Raises:
            InvalidInput: name or value will not do.
            Conflict: the workspace has as many as it may.
            OtherKeys: this process does not have the platform's key.
        """
        check_workspace(workspace)
        check_name(name)
        plain = check_value(value)
        ring = self._vault.sealing()
        for _ in range(TRIES):
            before, now = self._store.find(workspace, name), self._clock()
            if before is None:
                self._check_room(workspace)
                new = Secret(workspace, name, 1, ring.current, now, by, now, by)
            else:
                new = replace(
                    before, version=before.version + 1, key=ring.current, updated_at=now, updated_by=by
                )
            if self._store.put(new, ring.seal(plain, context_of(workspace, name, new.version))):
                about = {"version": before.version} if before else None
                note(workspace=workspace, before=about, after={"version": new.version})
                return new
        raise Conflict(f"others set '{name}' in '{workspace}' at the same time; try again")

    def list(self, workspace: str) -> Sequence[Secret]:
        return self._store.list(workspace)

    def delete(self, workspace: str, name: str) -> None:
        """Raises NotFound when there is none."""
        if not self._store.delete(workspace, name):
            near = nearest(name, (one.name for one in self._store.list(workspace)))
            raise NotFound(f"there is no secret '{name[:100]}' in workspace '{workspace}'; {near}")
        note(workspace=workspace)

    def rotate(self) -> Rotation:
        done = self._vault.rotate(self._tables)
        note(after={"sealed_with": done.key, "resealed": done.resealed})
        return done

    def _check_room(self, workspace: str) -> None:
        if len(self._store.list(workspace)) >= MOST_SECRETS:
            raise Conflict(
                f"workspace '{workspace}' has {MOST_SECRETS} secrets, and may not have more; delete some"
            )


def missing(store: SecretStore, workspace: str, wanted: Collection[str]) -> dict[str, str]:
    """Why a job of the workspace cannot have some of the secrets that it wants, by their names.

    The names are not repeated: one may be a value that somebody has written in the wrong place.
    """
    names = [one.name for one in store.list(workspace)]
    hint = "job files have names, never values; `tensorfleet secrets set NAME` keeps one"
    return {
        name: f"there is no secret of this name in workspace '{workspace}' ({hint}); {nearest(name, names)}"
        for name in wanted
        if name not in names
    }
