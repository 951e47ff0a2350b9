"""Secrets of workspaces: set, listed, deleted; never read."""

from __future__ import annotations

import builtins
from typing import Any

from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.paths import segments


class AsyncSecrets:
    """`client.secrets`; of the client's workspace, where none is named."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def set(self, name: str, value: str, workspace: str | None = None) -> dict[str, Any]:
        """Keeps a value under a name, in place of the one before; the answer does not have it.

        Raises:
            InvalidInput: name or value will not do.
        """
        return dict(await self._of(workspace).call("PUT", segments("secrets", name), json={"value": value}))

    async def list(self, workspace: str | None = None) -> builtins.list[dict[str, Any]]:
        """Names, versions, who set them and when, and when a task was last given them."""
        return [one async for one in self._of(workspace).pages("/secrets")]

    async def delete(self, name: str, workspace: str | None = None) -> None:
        """Jobs that name it fail when they start next."""
        await self._of(workspace).call("DELETE", segments("secrets", name))

    async def rotate(self) -> dict[str, Any]:
        """Seals all secrets of the platform with a new key; values stay as they are, and can be used all the while.

        One that was interrupted goes on where it stood when it is called again.
        """
        return dict(await self._transport.call("POST", "/secrets/rotation"))

    def _of(self, workspace: str | None) -> AsyncTransport:
        return self._transport.within(workspace) if workspace else self._transport
