"""Live streams end when whoever reads them may not any more: a key is revoked, a session ends, a role is taken away.

Looked at when something is about to be sent, and again only after a moment: what is idle costs nothing and tells nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from tensorfleet.access.model import Principal
from tensorfleet.access.sign_in import Remembered
from tensorfleet.errors import NotPermitted, TensorFleetError
from tensorfleet.gateway.auth import CALLER, RULE, Asgi

EVERY_S = 3.0
STREAMS = frozenset({"/api/v1/jobs/{job_id}/stream", "/api/v1/events"})
DENIED = "denied"
"""The last event of a stream whose reader may not read it any more."""


class Staying:
    """Plain ASGI behind the door."""

    def __init__(
        self,
        app: Asgi,
        again: Callable[[str], Principal],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`again` is `SignIn.again`; it blocks."""
        self._app = app
        self._known = Remembered(again, monotonic)
        self._monotonic = monotonic

    def forget(self) -> None:
        """After a change of anybody's rights."""
        self._known.forget()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        rule, who = scope.get(RULE), scope.get(CALLER)
        streams = rule is not None and rule.route in STREAMS
        if streams and who is not None and who.credential is not None:
            send = self._while_allowed(send, who)
        await self._app(scope, receive, send)

    def _while_allowed(self, send: Any, who: Principal) -> Any:
        checked, over = self._monotonic(), False

        async def sent(message: Any) -> None:
            nonlocal checked, over
            if over:
                return
            if message["type"] == "http.response.body" and self._monotonic() - checked >= EVERY_S:
                objection = await self._objection(who)
                if objection is not None:
                    over = True
                    await send({"type": "http.response.body", "body": _last(objection), "more_body": False})
                    return
                checked = self._monotonic()
            await send(message)

        return sent

    async def _objection(self, who: Principal) -> TensorFleetError | None:
        """Why the stream ends; None if it goes on, also while nobody can be asked."""
        proof = f"{who.via} {who.credential}"
        try:
            now = self._known.find(proof) or await asyncio.to_thread(self._known.look_up, proof)
        except TensorFleetError as error:
            return None if error.retriable else error
        if now != who:
            return NotPermitted("what you may see has changed; connect again")
        return None


def _last(error: TensorFleetError) -> bytes:
    data = json.dumps({"code": error.code, "detail": error.detail})
    return f"event: {DENIED}\ndata: {data}\n\n".encode()
