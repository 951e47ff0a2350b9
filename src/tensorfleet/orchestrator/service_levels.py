"""Asks the API whether it answers, and says when an objective is missed, and when it is kept again."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from tensorfleet.errors import LostLead, TensorFleetError
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.home import ADDRESS_FILE
from tensorfleet.ledger.budgets import month_of
from tensorfleet.orchestrator.engine import Engine
from tensorfleet.settings import Settings
from tensorfleet.sla.model import Change, Standing, change_of
from tensorfleet.sla.schemas import sentence_of, standing_to_dict
from tensorfleet.sla.service import ServiceLevels
from tensorfleet.sla.store import SqlMeasurements
from tensorfleet.trust.tls import curious_context

ANSWER_S = 5.0
LOOKS = 4
"""So many times as seldom as the API is asked, the objectives are looked at."""
REMEMBERED = 1000
"""So many of the latest entries say what was told already."""
MOST_WAITING = 20_000
"""Answers that wait while the database is away: some days of them."""
log = structlog.get_logger()
_Told = tuple[str | None, str, str]


def asked(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether the API takes jobs: `/health` says so with 200.  Without workers, too: jobs are accepted and wait."""
    try:
        parts = urlsplit(url)
        with closing(_link(parts.scheme, parts.hostname or "", parts.port, context)) as link:
            link.request("GET", f"{parts.path.rstrip('/')}/health")
            return link.getresponse().status == 200
    except (OSError, ValueError, http.client.HTTPException):
        return False


def _link(
    scheme: str, host: str, port: int | None, context: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=ANSWER_S)


def address_in(home: Path) -> str:
    """Of this home's gateway; nothing where it has none."""
    try:
        return str(json.loads((home / ADDRESS_FILE).read_bytes())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


class UptimeWatch:
    """One per leader.  What it found while the database was away is written when that is back."""

    def __init__(self, engine: Engine, store: SqlMeasurements, settings: Settings, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._settings = settings
        self._clock = clock
        self._probes: list[tuple[datetime, bool]] = []
        self._writing: asyncio.Future[Any] | None = None

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._settings.sla.every_s)

    async def look(self) -> None:
        chosen = self._settings.sla.url
        url = chosen or await asyncio.to_thread(address_in, self._settings.home)
        if url:
            # This home's own gateway may show a name that is not in its address; nothing is told to it here.
            up = await asyncio.to_thread(asked, url, None if chosen else curious_context())
            self._probes = [*self._probes[-MOST_WAITING:], (self._clock(), up)]
        if self._writing is None and self._probes:
            work = partial(self._write, tuple(self._probes))
            self._writing = asyncio.ensure_future(self._engine.submit(work))
            self._writing.add_done_callback(partial(self._is_written, self._probes[-1][0]))

    async def written(self) -> None:
        """Returns once what was found so far is durable."""
        while self._writing is not None:
            await asyncio.wait({self._writing})
            await asyncio.sleep(0)  # the callbacks come after

    def _write(self, probes: tuple[tuple[datetime, bool], ...], tx: SqlJobTransaction, now: datetime) -> None:
        # A gap for which a new leader may have taken over is not one of which nobody knows.
        patience = timedelta(seconds=3 * self._settings.sla.every_s + 2 * ANSWER_S)
        self._store.extend_uptime(tx.connection, probes, patience)

    def _is_written(self, upto: datetime, done: asyncio.Future[Any]) -> None:
        self._writing = None
        if not done.cancelled() and done.exception() is None:
            self._probes = [one for one in self._probes if one[0] > upto]


class ObjectiveWatch:
    """One per leader: `sla.breached` once for each breach, `sla.restored` when there is budget again."""

    def __init__(
        self, engine: Engine, levels: ServiceLevels, events: SqlEventLog, clock: Clock, every_s: float
    ) -> None:
        self._engine = engine
        self._standings: Callable[[], list[tuple[str | None, Standing]]] = levels.standings
        self._events = events
        self._clock = clock
        self._every_s = every_s
        self._told: set[_Told] | None = None

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except LostLead:
                raise
            except TensorFleetError as error:
                log.warning("objectives could not be looked after", detail=error.detail)

    async def look(self) -> None:
        """Reads beside the engine, which must not wait for sums over a month."""
        if self._told is None:
            self._told = await asyncio.to_thread(self._told_before)
        month = f"{month_of(self._clock()):%Y-%m}"
        for workspace, standing in await asyncio.to_thread(self._standings):
            key = (workspace, standing.objective.name.value, month)
            change = change_of(key in self._told, standing)
            if change is not None:
                await self._engine.submit(partial(self._tell, change, key, standing))
                (self._told.add if change is Change.BREACHED else self._told.discard)(key)

    def _told_before(self) -> set[_Told]:
        found = [event for kind in Change for event in self._events.read_last(None, kind.value, REMEMBERED)]
        told: set[_Told] = set()
        for event in sorted(found, key=lambda event: event.id):
            key = (event.data["workspace"], event.data["objective"], event.data["month"])
            (told.add if event.kind == Change.BREACHED else told.discard)(key)
        return told

    def _tell(
        self, change: Change, key: _Told, standing: Standing, tx: SqlJobTransaction, now: datetime
    ) -> None:
        workspace, objective, month = key
        message = sentence_of(change, workspace, standing, month)
        about = {"workspace": workspace, "objective": objective, "month": month, "message": message}
        tx.note(NewEvent(change.value, now, {**standing_to_dict(standing), **about}))
        log.warning("an objective", kind=change.value, detail=message)
