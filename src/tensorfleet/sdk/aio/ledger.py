"""What the fleet's time was good for, and what it cost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tensorfleet.kit.clock import rfc3339
from tensorfleet.sdk.aio.transport import AsyncTransport


class AsyncLedger:
    """`client.ledger`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def read(
        self,
        *,
        by: str = "job",
        begin: datetime | None = None,
        end: datetime | None = None,
        workspace: str | None = None,
        limit: int = 100,
    ) -> dict[str, Any]:
        """What leases held from `begin` to before `end`, this month so far if they are not said: `{items, others, total, ...}`.

        Args:
            by: job, workspace, algorithm, worker_type, day or month.
            limit: so many groups are named; `others` is the sum of the rest.
        """
        params = {
            "by": by, "from": rfc3339(begin), "to": rfc3339(end), "workspace": workspace, "limit": limit
        }  # fmt: skip
        found: dict[str, Any] = await self._transport.call("GET", "/ledger", params=params)
        return found

    async def budgets(self) -> list[dict[str, Any]]:
        """How workspaces with a budget stand this month: `{workspace, month, spent, monthly, share, warn_at, stop, over}`."""
        return [one async for one in self._transport.pages("/budgets")]
