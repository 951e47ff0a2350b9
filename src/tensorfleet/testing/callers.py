"""An application behind a door that lets somebody in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tensorfleet.access.current import caller
from tensorfleet.access.model import ROOT, Principal

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def called_by(app: Asgi, who: Principal = ROOT) -> Asgi:
    """The same application, called by `who`."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        token = caller.set(who)
        try:
            await app(scope, receive, send)
        finally:
            caller.reset(token)

    return called
