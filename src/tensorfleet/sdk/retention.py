# Made of sdk/aio/retention.py by `make sdk`: change that file. e5a8495809b7
"""What is older than the platform keeps it."""

from __future__ import annotations

from typing import Any

from tensorfleet.sdk.transport import Transport


class Retention:
    """`client.retention`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def plan(self) -> dict[str, Any]:
        """What a sweep would remove now, with the room that it takes, and what it would keep and why."""
        return dict(self._transport.call("GET", "/retention/plan"))

    def sweep(self) -> dict[str, Any]:
        """Removes it now; says what that was."""
        return dict(self._transport.call("POST", "/retention/sweep"))
