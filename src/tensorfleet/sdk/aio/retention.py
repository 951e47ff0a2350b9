"""What is older than the platform keeps it."""

from __future__ import annotations

from typing import Any

from tensorfleet.sdk.aio.transport import AsyncTransport


class AsyncRetention:
    """`client.retention`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def plan(self) -> dict[str, Any]:
        """What a sweep would remove now, with the room that it takes, and what it would keep and why."""
        return dict(await self._transport.call("GET", "/retention/plan"))

    async def sweep(self) -> dict[str, Any]:
        """Removes it now; says what that was."""
        return dict(await self._transport.call("POST", "/retention/sweep"))
