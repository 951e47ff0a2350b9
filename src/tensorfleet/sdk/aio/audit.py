"""The audit log: who did what, and whether its record is whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tensorfleet.kit.clock import rfc3339
from tensorfleet.sdk.aio.transport import AsyncTransport


class AsyncAudit:
    """`client.audit`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        workspace: str | None = None,
        begin: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = 100,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yields entries, the newest first; all of them without a `limit`.

        Args:
            actor: an id or a name.
            action: such as `jobs.cancel`, or `jobs` for all of `jobs.*`.
            begin, end: the end not within.
        """
        query = _query(actor, action, target, workspace, begin, end)
        async for entry in self._transport.pages("/audit", query, limit):
            yield entry

    async def export(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        workspace: str | None = None,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yields entries in the order of the chain, as they come: the log may be longer than the memory.

        Raises:
            Unavailable: the connection broke; what came before is not all.
        """
        query = _query(actor, action, target, workspace, begin, end)
        given = {key: value for key, value in query.items() if value is not None}
        async with self._transport.open(f"/audit/export?{urlencode(given)}") as response:
            async for line in response.aiter_lines():
                yield json.loads(line)

    async def verify(self) -> dict[str, Any]:
        """Whether the log is as it was written: `{ok, entries, first, last, anchored, problem}`."""
        answer: dict[str, Any] = await self._transport.call("POST", "/audit/verify")
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
