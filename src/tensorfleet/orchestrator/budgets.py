"""Holds back the jobs of workspaces that have spent their budgets, and says so once a month."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import structlog

from tensorfleet.errors import LostLead, TensorFleetError
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import Preempted
from tensorfleet.jobs.model import JobStatus, NewEvent
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.kit.clock import Clock
from tensorfleet.ledger.budgets import SPENT_EVENT, WARNED_EVENT, Budget, Standing
from tensorfleet.ledger.model import PriceBook
from tensorfleet.ledger.spending import Spending
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.orchestrator.engine import Engine
from tensorfleet.orchestrator.handlers import apply_event

LOOK_S = 10.0
KINDS = (WARNED_EVENT, SPENT_EVENT)
REMEMBERED = 1000
"""So many of the latest entries say what was told already."""
log = structlog.get_logger()
_Told = tuple[str, str, str, float]


class BudgetWatch:
    """One per leader, where there are budgets."""

    def __init__(
        self,
        engine: Engine,
        store: SqlLedgerStore,
        events: SqlEventLog,
        book: PriceBook,
        budgets: Mapping[str, Budget],
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._events = events
        self._spending = Spending(store, book, budgets)
        self._currency = book.currency
        self._clock = clock
        self._told: set[_Told] | None = None

    async def prepare(self) -> None:
        """Before the first job is placed."""
        await self._engine.call(self._take_in)

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except LostLead:
                raise
            except TensorFleetError as error:
                log.warning("budgets could not be looked after", detail=error.detail)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Between the engine's groups: nothing is written meanwhile."""
        for standing in await self._engine.call(self._take_in):
            if self._told is not None and standing.event and _told(standing) not in self._told:
                await self._engine.submit(partial(self._tell, standing))
                self._told.add(_told(standing))
            if standing.stops and standing.budget.save_and_wait:
                await self._engine.submit(partial(self._stop_running, standing))

    def _take_in(self) -> list[Standing]:
        if self._told is None:
            found = (event for kind in KINDS for event in self._events.read_last(None, kind, REMEMBERED))
            self._told = {
                (event.kind, event.data["workspace"], event.data["month"], event.data["limit"])
                for event in found
            }
        standings = self._spending.read(self._clock())
        self._engine.board.hold_back(
            {one.workspace: one.sentence(self._currency) for one in standings if one.stops}
        )
        return standings

    def _tell(self, standing: Standing, tx: SqlJobTransaction, now: datetime) -> None:
        kind, _, _, limit = _told(standing)
        message = standing.sentence(self._currency)
        tx.note(NewEvent(kind, now, {**standing.to_dict(self._currency), "limit": limit, "message": message}))
        log.warning("a budget", kind=kind, detail=message)

    def _stop_running(self, standing: Standing, tx: SqlJobTransaction, now: datetime) -> None:
        for job_id in self._engine.board.running_of(standing.workspace):
            if tx.load(job_id).status is JobStatus.RUNNING:
                apply_event(tx, job_id, Preempted(standing.sentence(self._currency)), now)


def _told(standing: Standing) -> _Told:
    budget = standing.budget
    limit = budget.monthly if standing.over else budget.monthly * budget.warn_at
    return standing.event or "", standing.workspace, f"{standing.since:%Y-%m}", limit
