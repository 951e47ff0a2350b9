"""Hot reads: the same question of the same caller gets the same bytes, for as long as nothing in the database has changed.

In front of everything.  Who asks must still be somebody who was let in within the last second, the caller's bucket is drawn from
and the answer is counted, as for any other call; what is saved is finding the route, reading the rows and writing JSON.
Answers that depend on anything but the database, the caller and the request do not belong here.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tensorfleet.access.model import Principal
from tensorfleet.access.policy import Rule
from tensorfleet.adapters.marks import Mark, Marks
from tensorfleet.gateway.auth import CALLER, RULE
from tensorfleet.gateway.limits import Limits
from tensorfleet.gateway.telemetry import API, Telemetry

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
HOT = {
    f"{API}/jobs",
    f"{API}/jobs/{{job_id}}",
    f"{API}/jobs/{{job_id}}/metrics",
    f"{API}/jobs/{{job_id}}/metrics/summary",
    f"{API}/workers",
    f"{API}/workers/{{worker_id}}",
}
"""GETs by their pattern in `access.policy`."""
_NEAR = (f"{API}/jobs", f"{API}/workers")
MOST_BYTES = 32 << 20
LARGEST_BYTES = 1 << 20
MOST_ANSWERS = 4096
_PER_CALL = (b"ratelimit", b"ratelimit-policy")


@dataclass(slots=True)
class _Answer:
    mark: Mark
    who: Principal
    route: str
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Recalled:
    """The same application, which is not asked what it has answered already."""

    def __init__(
        self,
        app: Asgi,
        marks: Marks,
        remembered: Callable[[Any], Principal | None],
        limits: Limits,
        telemetry: Telemetry,
    ) -> None:
        """`remembered`: who has sent a request, if that was looked up within the last moment; asks nobody."""
        self._app = app
        self._marks = marks
        self._remembered = remembered
        self._limits = limits
        self._telemetry = telemetry
        self._kept: dict[Any, _Answer] = {}
        self._bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_NEAR):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        mark = await self._marks.now()
        # Whatever else of a request changes its answer (credential, tag, host, origin) is in its headers.
        key = (scope["scheme"], scope["path"], scope["query_string"], *scope["headers"])
        found = self._kept.get(key)
        if mark is None or found is None or found.mark != mark or not self._still_in(scope, found):
            await self._ask(key, mark, scope, receive, send)
            return
        headers = found.headers
        permit = await self._limits.draw(scope, found.who)
        if permit is not None:
            if not permit.taken.allowed:
                await self._app(scope, receive, send)  # says all that there is to be said of it
                return
            headers = headers + permit.headers
        self._telemetry.count("GET", found.route, found.status, time.perf_counter() - began)
        await send({"type": "http.response.start", "status": found.status, "headers": headers})
        await send({"type": "http.response.body", "body": found.body})

    def _still_in(self, scope: Any, found: _Answer) -> bool:
        """Whether the caller was looked up within the last moment, and may what the one before may."""
        who = self._remembered(scope)
        if who is None or (who is not found.who and who != found.who):
            return False
        found.who = who
        return True

    async def _ask(self, key: Any, mark: Mark | None, scope: Any, receive: Any, send: Any) -> None:
        """Asks the application, and keeps what it says if it may be said again."""
        start: dict[str, Any] = {}

        async def heard(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif start and not message.get("more_body"):
                self._keep(key, mark, scope, start, message.get("body", b""))
            else:
                start.clear()  # an answer in pieces
            await send(message)

        await self._app(scope, receive, heard)

    def _keep(self, key: Any, mark: Mark | None, scope: Any, start: dict[str, Any], body: bytes) -> None:
        rule: Rule | None = scope.get(RULE)
        who: Principal | None = scope.get(CALLER)
        self._bytes -= len(former.body) if (former := self._kept.pop(key, None)) else 0
        if mark is None or rule is None or who is None or rule.route not in HOT:
            return
        if start["status"] not in (200, 304) or len(body) > LARGEST_BYTES:
            return
        if any(name == b"set-cookie" for name, _ in start["headers"]):
            return
        if self._bytes + len(body) > MOST_BYTES or len(self._kept) >= MOST_ANSWERS:
            self._kept.clear()
            self._bytes = 0
        headers = [header for header in start["headers"] if header[0] not in _PER_CALL]
        self._kept[key] = _Answer(mark, who, rule.route, start["status"], headers, body)
        self._bytes += len(body)
