"""The gateway's TLS: a certificate in files that may change while it serves, and a port that sends plain HTTP to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from tensorfleet.errors import InvalidInput, TensorFleetError
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.trust.pair import Pair, context_of, facts_of

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
LOOK_EVERY_S = 1.0
log = structlog.get_logger()


class Presented:
    """What new connections are shown: the files as they were when they were last good.

    Whoever is connected stays so.  A certificate and its key are two files: while only one of them has been replaced they do not
    belong together, and what was shown before goes on being shown.

    Args:
        renew: called before each look, in a thread; it may write other files.

    Raises:
        InvalidInput: the files are no good at the start.
    """

    def __init__(self, pair: Pair, renew: Callable[[], Any] | None = None, clock: Clock = utc_now) -> None:
        self._pair = pair
        self._renew = renew
        self._clock = clock
        self._seen = pair.changed()
        self._context = context_of(pair)
        self._tell("serving with the certificate")

    def context(self) -> ssl.SSLContext:
        """The server's one; each connection gets what is in force when it begins."""
        self._context.sni_callback = self._show
        return self._context

    def _show(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._context

    def look(self) -> bool:
        """Takes over what is in the files if it is new and good; whether it did."""
        if self._renew is not None:
            try:
                self._renew()
            except (TensorFleetError, OSError) as error:
                log.warning("the certificate was not renewed", detail=str(error))
        found = self._pair.changed()
        if found is None or found == self._seen:
            return False
        self._seen = found
        try:
            self._context = context_of(self._pair)
        except InvalidInput as error:
            log.warning("the new certificate is no good; the former one stays", detail=error.detail)
            return False
        self._tell("took over the new certificate")
        return True

    def _tell(self, what: str) -> None:
        facts = facts_of(self._pair.certificate)
        if facts.expires_at <= self._clock():
            log.warning(
                "the certificate has expired; clients refuse it", expired_at=facts.expires_at.isoformat()
            )
        else:
            log.info(what, names=", ".join(facts.names)[:500], expires_at=facts.expires_at.isoformat())

    async def watch(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with suppress(OSError):
                await asyncio.to_thread(self.look)


def redirecting(port: int, answers: Callable[[str], bytes | None] = lambda path: None) -> Asgi:
    """An application for plain HTTP: what `answers` knows of a path, and for all else the way to the same path by HTTPS.

    Args:
        port: under which clients reach HTTPS.
    """

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        found = answers(scope["path"])
        if found is not None:
            headers = [(b"content-type", b"application/octet-stream")]
            await _answer(send, 200, headers, found)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").rpartition(b"]")
        name = host[0] + host[1] + host[2].partition(b":")[0]
        target = b"https://" + name + (b"" if port == 443 else b":%d" % port) + scope["raw_path"]
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        # 308: what was posted is posted there again, and by then nobody else can read it.
        status = 308 if name else 400
        await _answer(send, status, [(b"location", target + query)] if name else [], b"")

    return app


async def _answer(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    given = [*headers, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body})
