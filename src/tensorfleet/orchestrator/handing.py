"""Hands tasks the secrets of their jobs: opened when an order to start goes out, and kept nowhere on the way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog

from tensorfleet.errors import Conflict, InvalidInput
from tensorfleet.jobs.events import TaskFinished
from tensorfleet.jobs.model import Failure, FailureClass, Outcome, TaskStatus
from tensorfleet.jobs.ports import Command
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.orchestrator import handlers
from tensorfleet.secrets.store import sealed_before, take_sealed
from tensorfleet.secrets.vault import Vault
from tensorfleet.wire.codec import SECRETS

log = structlog.get_logger()


class Missing(Conflict):
    """The job names a secret that was deleted since it was submitted."""


class Handing:
    """Works inside the engine's transactions."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def fill(
        self, tx: SqlJobTransaction, order: Command, payload: dict[str, Any], now: datetime
    ) -> dict[str, Any] | None:
        """The payload with the values of the job's secrets; None when there is nothing to start any more.

        A job whose secrets cannot be had fails here, with the reason.
        """
        if not needs(order, payload):
            return payload
        worker_id, token = order.topic.removeprefix("agent:"), int(order.ref or 0)
        if not tx.in_force(worker_id, token):
            return None
        try:
            return payload | {SECRETS: self._values(tx, payload["spec"], now)}
        except (Conflict, InvalidInput) as error:
            cls = FailureClass.USER_ERROR if isinstance(error, Missing) else FailureClass.INTERNAL
            log.warning("a task cannot have its secrets", job=payload["job_id"], detail=error.detail)
            failed = Outcome(TaskStatus.FAILED, Failure(cls, error.detail))
            handlers.apply_event(tx, payload["job_id"], TaskFinished(token, failed), now)
            return None

    def masks(self, tx: SqlJobTransaction, tokens: Iterable[int]) -> dict[int, list[str] | None]:
        """By lease what its agent has to mask; None where that is not what the task was given."""
        return {token: self._mask(tx, token) for token in tokens}

    def _values(self, tx: SqlJobTransaction, spec: dict[str, Any], now: datetime) -> dict[str, str]:
        wanted, workspace = spec["secrets"], spec["workspace"]
        found = take_sealed(tx.connection, workspace, sorted(set(wanted.values())), now)
        gone = sorted(set(wanted.values()) - found.keys())
        if gone:
            raise Missing(
                f"the secret '{gone[0]}' is not in workspace '{workspace}' any more; set it again with "
                f"`tensorfleet secrets set {gone[0]}`, and retry the job"
            )
        ring = self._vault.opening()
        values = {name: ring.open(row.sealed, row.context).decode() for name, row in found.items()}
        return {variable: values[name] for variable, name in wanted.items()}

    def _mask(self, tx: SqlJobTransaction, token: int) -> list[str] | None:
        given = tx.given(token)
        if given is None or not given[0].get("secrets"):
            return []
        spec, granted_at = given
        names = set(spec["secrets"].values())
        rows = sealed_before(tx.connection, spec["workspace"], sorted(names), granted_at)
        if len(rows) < len(names):
            return None
        try:
            ring = self._vault.opening()
            return [ring.open(row.sealed, row.context).decode() for row in rows]
        except (Conflict, InvalidInput):
            return None


def needs(order: Command, payload: dict[str, Any]) -> bool:
    """Whether an order has to have secrets."""
    return order.kind == "start" and bool(payload.get("spec", {}).get("secrets"))
