"""Wake-ups by Redis: who appends to the event log tells all gateways, which then look into the database.

A wake-up is a hint and carries nothing.  It is sent after the commit, many at once become one, and each may be lost: a gateway
looks by itself twice a second all the same, and more often while Redis is away.  So Redis may be killed, emptied or shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

from tensorfleet.adapters.database import Herald
from tensorfleet.adapters.redis_link import ANSWER_S, RedisLink
from tensorfleet.errors import Unavailable

STREAM = "tensorfleet:log-grew"
KEPT_ENTRIES = 16
BLOCK_S = 0.3
"""The longest wait for a wake-up: with `ANSWER_S` on top, one that is lost costs well under a second."""
AWAY_LOOK_S = 0.2
"""How often a gateway looks into the database while Redis is away."""
GAP_S = 0.005
"""Between two wake-ups of one process: under load more of them say nothing new."""


class RedisHerald:
    """`Herald` over a stream.  A thread of its own sends; whoever commits only leaves a note."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._grew = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def tell(self) -> None:
        self._grew.set()
        if self._thread is None:
            self._start()

    def close(self) -> None:
        self._closed.set()
        self._grew.set()
        if self._thread is not None:
            self._thread.join(2 * ANSWER_S)
        self._link.close()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="redis-herald", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._grew.wait()
            if self._closed.is_set():
                return
            self._grew.clear()
            with contextlib.suppress(Unavailable):  # then the gateways look by themselves
                self._link.call(
                    lambda client: client.xadd(STREAM, {"grew": 1}, maxlen=KEPT_ENTRIES, approximate=True)
                )
            self._closed.wait(GAP_S)


class RedisWakes:
    """The gateway's end: waits for the next wake-up."""

    def __init__(self, link: RedisLink) -> None:
        self.link = link
        self._seen: bytes | str = "0-0"

    async def wait(self) -> None:
        """Returns when the log has grown, and at times when it has not; never later than `BLOCK_S + ANSWER_S`."""
        await asyncio.sleep(GAP_S)
        try:
            if not await self._read():
                # Should the stream have been emptied, it begins anew here.  The caller looks after this, so nothing is missed.
                newest = await self.link.ask(lambda client: client.xrevrange(STREAM, count=1))
                self._seen = newest[0][0] or "0-0" if newest else "0-0"
        except Unavailable:
            await asyncio.sleep(AWAY_LOOK_S)

    async def _read(self) -> bool:
        found: Any = await self.link.ask(
            lambda client: client.xread({STREAM: self._seen}, block=int(BLOCK_S * 1000)), BLOCK_S + ANSWER_S
        )
        if not found:
            return False
        (_stream, entries), *_ = found
        self._seen = entries[-1][0]
        return True

    async def close(self) -> None:
        await self.link.aclose()


def open_herald(redis_url: str) -> Herald | None:
    """Tells all gateways of what is committed here; None where no Redis is configured."""
    return RedisHerald(RedisLink(redis_url)) if redis_url else None
