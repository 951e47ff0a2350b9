"""AsyncWebhooks: addresses that are told what happens in a workspace; and how a receiver checks what it gets."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tensorfleet.errors import InvalidInput, NotAuthenticated
from tensorfleet.kit.webhook_signing import TOLERANCE_S, BadSignature, check, secret_key
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.paths import segments


def verify_webhook(
    secret: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> dict[str, Any]:
    """The message, if whoever has the secret sent it within the last five minutes; for servers that receive webhooks.

    A message may come twice, with the same `webhook-id`: a receiver to which that matters notes those that it has seen.

    Args:
        secret: `whsec_...`, or several of them while they are changed.
        headers: of the request; names in any case.
        body: exactly the bytes that came.
        now: seconds since 1970; the machine's clock when None.

    Raises:
        NotAuthenticated: nobody who has the secret sent this, or not now.
        InvalidInput: the secret is none.

    >>> message = verify_webhook(secret, request.headers, request.body)
    >>> message["id"], message["type"], message["data"]["job_id"]
    """
    texts = [secret] if isinstance(secret, str) else secret
    try:
        keys = [secret_key(text) for text in texts]
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    try:
        message_id = check(keys, headers, body, time.time() if now is None else now, tolerance_s)
    except BadSignature as error:
        raise NotAuthenticated(f"this is no message of TensorFleet: {error}") from None
    return {**json.loads(body), "id": message_id}


class AsyncWebhooks:
    """`client.webhooks`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def add(
        self,
        url: str,
        events: Sequence[str],
        *,
        labels: Mapping[str, str] | None = None,
        description: str | None = None,
        workspace: str | None = None,
    ) -> dict[str, Any]:
        """Has an address told what happens in a workspace; `secret` in the answer is not shown again.

        Args:
            events: such as `job.completed`.
            labels: only of jobs that have all of these.
            workspace: that of this client when None.
        """
        body = {"url": url, "events": list(events), "labels": dict(labels or {}), "description": description}
        chosen = workspace or self._transport.address.workspace
        query = {"workspace": chosen} if chosen else None
        return dict(await self._transport.call("POST", "/webhooks", json=body, params=query))

    async def list(self, workspace: str | None = None) -> builtins.list[dict[str, Any]]:
        """Those of a workspace; of all that this client's user administers when None."""
        return [
            one
            async for one in self._transport.pages(
                "/webhooks", {"workspace": workspace} if workspace else None
            )
        ]

    async def get(self, webhook_id: str) -> dict[str, Any]:
        return dict(await self._transport.call("GET", segments("webhooks", webhook_id)))

    async def change(self, webhook_id: str, **changes: Any) -> dict[str, Any]:
        """Changes `url`, `events`, `labels`, `description`, or `enabled`."""
        return dict(await self._transport.call("PATCH", segments("webhooks", webhook_id), json=changes))

    async def delete(self, webhook_id: str) -> None:
        await self._transport.call("DELETE", segments("webhooks", webhook_id))

    async def rotate(self, webhook_id: str, overlap_s: int = 86400) -> dict[str, Any]:
        """Gives it a new `secret`; messages are signed with both for so long."""
        path = segments("webhooks", webhook_id, "rotate")
        return dict(await self._transport.call("POST", path, json={"overlap_s": overlap_s}))

    async def test(self, webhook_id: str) -> dict[str, Any]:
        """Sends a message at once: `{"delivered", "status", "error"}`."""
        return dict(await self._transport.call("POST", segments("webhooks", webhook_id, "test")))

    async def deliveries(
        self, webhook_id: str, *, state: str | None = None, limit: int | None = 100
    ) -> builtins.list[dict[str, Any]]:
        """What was sent and what waits, the newest first; `state`: waiting, delivered or dead."""
        query = {"state": state} if state else None
        return [
            one
            async for one in self._transport.pages(
                segments("webhooks", webhook_id, "deliveries"), query, limit
            )
        ]

    async def resend(self, webhook_id: str, delivery_id: str) -> dict[str, Any]:
        """Has a message sent again that was delivered or given up."""
        path = segments("webhooks", webhook_id, "deliveries", delivery_id, "resend")
        return dict(await self._transport.call("POST", path))
