"""A connection to Redis (or Valkey) behind a circuit breaker.  Nothing that is kept there is needed: it may be away, or empty.

`redis` is imported when a link is made, so that who has no `redis_url` needs no such package.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.kit.breaker import Breaker, BreakerOpen, Reading
from tensorfleet.kit.clock import Clock, steady_clock

if TYPE_CHECKING:
    import redis
    import redis.asyncio

ANSWER_S = 0.25
"""Redis on a network of one's own answers within a millisecond; what takes this long is as good as away."""
_Answer = TypeVar("_Answer")


class RedisLink:
    """Commands to one server: from threads by `call`, in an event loop by `ask`.  Both share the breaker.

    Connections are made when they are needed, and made anew after they broke.
    """

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        """
        Raises:
            InvalidInput: `url` is not one of Redis, or the package is not installed.
        """
        self.name = _checked(url)
        try:
            import redis
            import redis.asyncio
            from redis.maint_notifications import MaintNotificationsConfig
        except ImportError as error:
            raise InvalidInput(
                "redis_url is set, but the package for it is missing: pip install 'tensorfleet[redis]'"
            ) from error
        self._away = (redis.RedisError, OSError, TimeoutError)
        # The breaker decides when to try again, not the library.
        options: dict[str, Any] = {
            "socket_connect_timeout": ANSWER_S,
            "retry": None,
            "health_check_interval": 0,
            "protocol": 2,
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }
        self._sync: redis.Redis = redis.Redis.from_url(url, socket_timeout=ANSWER_S, **options)
        self._make_async: Callable[[], redis.asyncio.Redis] = lambda: redis.asyncio.Redis.from_url(
            url, socket_timeout=None, **options
        )
        self._async: redis.asyncio.Redis | None = None
        self._breaker = Breaker(
            lambda error: isinstance(error, self._away),
            clock or steady_clock(),
            failures=1,
            first_s=0.5,
            most_s=10.0,
        )

    @property
    def reading(self) -> Reading:
        return self._breaker.reading

    def call(self, command: Callable[[redis.Redis], _Answer]) -> _Answer:
        """Runs a command from any thread.

        Raises:
            Unavailable: Redis is away, or was a moment ago.
        """
        try:
            with self._breaker.guard():
                return command(self._sync)
        except BreakerOpen as error:
            raise self._unavailable(error) from error
        except self._away as error:
            raise self._unavailable(error) from error

    async def ask(
        self, command: Callable[[redis.asyncio.Redis], Awaitable[_Answer]], answer_s: float = ANSWER_S
    ) -> _Answer:
        """Runs a command in the event loop, of which there is one for the life of the link; `answer_s` is how long it may take.

        Raises:
            Unavailable: Redis is away, or was a moment ago.
        """
        try:
            with self._breaker.guard():
                self._async = self._async or self._make_async()
                async with asyncio.timeout(answer_s):
                    return await command(self._async)
        except BreakerOpen as error:
            raise self._unavailable(error) from error
        except self._away as error:
            await self._hang_up()  # what a connection was in the middle of is of no use any more
            raise self._unavailable(error) from error

    def ping(self) -> None:
        """
        Raises:
            Unavailable: Redis is away.
        """
        self.call(lambda client: client.ping())

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._hang_up()
        self.close()

    async def _hang_up(self) -> None:
        client, self._async = self._async, None
        if client is not None:
            with contextlib.suppress(*self._away):
                await client.aclose()

    def _unavailable(self, error: Exception) -> Unavailable:
        why = error.reading.last_error if isinstance(error, BreakerOpen) else str(error)
        return Unavailable(f"{self.name} does not answer: {why or type(error).__name__}")


def _checked(url: str) -> str:
    """The server's name without what is secret in its address."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix") or not (parts.hostname or parts.path):
        raise InvalidInput("redis_url is not the address of a Redis; write redis://host:6379/0")
    return f"Redis at {parts.hostname}:{parts.port or 6379}" if parts.hostname else f"Redis at {parts.path}"
