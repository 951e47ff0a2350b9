"""The fleet's workers."""

from __future__ import annotations

from typing import Any

from tensorfleet.errors import NotFound, nearest
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.paths import segments


class AsyncWorkers:
    """`client.workers`; workers are dicts: `worker_id, name, state, slots, busy, resources, stats, health, tasks`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> list[dict[str, Any]]:
        return [one async for one in self._transport.pages("/workers")]

    async def get(self, worker_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._transport.call("GET", segments("workers", worker_id))
        return found

    async def find(self, ref: str) -> dict[str, Any]:
        """The worker with this id, this name, or the only one whose id begins so.

        Raises:
            NotFound: there is none, or more than one.
        """
        workers = await self.list()
        exact = [worker for worker in workers if ref in (worker["worker_id"], worker["name"])]
        found = exact or [worker for worker in workers if worker["worker_id"].startswith(ref)]
        if len(found) != 1:
            known = nearest(ref, [str(worker["worker_id"]) for worker in workers])
            raise NotFound(f"{len(found) or 'no'} workers are called '{ref}'; {known}")
        return found[0]

    async def drain(self, worker_id: str, *, undo: bool = False) -> dict[str, Any]:
        """Gives the worker no new tasks (those that it runs go on to their end), or with `undo` gives it some again."""
        path = segments("workers", worker_id, "drain")
        found: dict[str, Any] = await self._transport.call(
            "POST", path, params={"undo": True} if undo else None
        )
        return found

    async def quarantine(self, worker_id: str, reason: str = "") -> dict[str, Any]:
        """Keeps new work away from the worker until it is released by a person; what it runs goes on."""
        path = segments("workers", worker_id, "quarantine")
        found: dict[str, Any] = await self._transport.call(
            "POST", path, json={"reason": reason} if reason else {}
        )
        return found

    async def release(self, worker_id: str) -> dict[str, Any]:
        """Ends the quarantine of the worker, and of the others of its machine."""
        found: dict[str, Any] = await self._transport.call("POST", segments("workers", worker_id, "release"))
        return found

    async def check(self, worker_id: str) -> dict[str, Any]:
        """Has its machine looked at now; the worker as it is before that.  `health` tells it afterwards."""
        found: dict[str, Any] = await self._transport.call("POST", segments("workers", worker_id, "check"))
        return found

    async def usage(
        self, worker_id: str | None = None, *, hours: float = 24, points: int = 300
    ) -> dict[str, Any]:
        """How busy a worker was, or without an id the fleet: `from, to, step_s, points`.

        Args:
            hours: so far back from now; a week is kept unless the settings say otherwise.
            points: about so many steps, each with means and highest values.
        """
        path = "/fleet/usage" if worker_id is None else segments("workers", worker_id, "usage")
        params = {"hours": hours, "points": points}
        found: dict[str, Any] = await self._transport.call("GET", path, params=params)
        return found

    async def scaling(self) -> dict[str, Any]:
        """What the autoscaler decided, and why: `enabled, settings, state, decisions`."""
        found: dict[str, Any] = await self._transport.call("GET", "/fleet/scaling")
        return found

    async def target(self, workers: int | None) -> dict[str, Any]:
        """Has the fleet keep so many workers until further notice; None leaves it to load and queue again."""
        found: dict[str, Any] = await self._transport.call("POST", "/fleet/target", json={"workers": workers})
        return found

    async def scale(self, workers: int) -> dict[str, Any]:
        """Asks for a fleet of so many workers."""
        found: dict[str, Any] = await self._transport.call("POST", "/fleet/scale", json={"workers": workers})
        return found
