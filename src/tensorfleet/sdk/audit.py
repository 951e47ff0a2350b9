# Made of sdk/aio/audit.py by `make sdk`: change that file. df4ffa65c212
"""The audit log: who did what, and whether its record is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tensorfleet.kit.clock import rfc3339
from tensorfleet.sdk.transport import Transport


class Audit:
    """`client.audit`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        workspace: str | None = None,
        begin: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = 100,
    ) -> Iterator[dict[str, Any]]:
        """Yields entries, the newest first; all of them without a `limit`.

        Args:
            actor: an id or a name.
            action: such as `jobs.cancel`, or `jobs` for all of `jobs.*`.
            begin, end: the end not within.
        """
        query = _query(actor, action, target, workspace, begin, end)
        yield from self._transport.pages("/audit", query, limit)

    def export(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        workspace: str | None = None,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yields entries in the order of the chain, as they come: the log may be longer than the memory.

        Raises:
            Unavailable: the connection broke; what came before is not all.
        """
        query = _query(actor, action, target, workspace, begin, end)
        given = {key: value for key, value in query.items() if value is not None}
        with self._transport.open(f"/audit/export?{urlencode(given)}") as response:
            for line in response.iter_lines():
                yield json.loads(line)

    def verify(self) -> dict[str, Any]:
        """Whether the log is as it was written: `{ok, entries, first, last, anchored, problem}`."""
        answer: dict[str, Any] = self._transport.call("POST", "/audit/verify")
        return answer


def _query(
    actor: str | None,
    action: str | None,
    target: str | None,
    workspace: str | None,
    begin: datetime | None,
    end: datetime | None,
) -> dict[str, str | None]:
    return {
        "actor": actor, "action": action, "target": target, "workspace": workspace, "from": rfc3339(begin), "to": rfc3339(end)
    }  # fmt: skip
