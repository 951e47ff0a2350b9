"""Delivers webhooks: the notifier's thread and lead, for addresses that people of a workspace have given."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial

from tensorfleet.adapters.database import Database
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.kit.clock import Clock, steady_clock, utc_now
from tensorfleet.monitor.notifier import LEASE_S, Notifier
from tensorfleet.secrets.keys import load_keyring
from tensorfleet.settings import Settings
from tensorfleet.webhooks.delivering import Delivering, Queueing
from tensorfleet.webhooks.model import Policy
from tensorfleet.webhooks.ports import WebhookStore
from tensorfleet.webhooks.sending import sender
from tensorfleet.webhooks.store import SqlWebhookStore

FORGET_EVERY = timedelta(hours=1)


class Forgetting:
    """Removes deliveries that were finished long ago."""

    def __init__(self, store: WebhookStore, kept: timedelta, clock: Clock) -> None:
        self._store = store
        self._kept = kept
        self._clock = clock
        self._next: datetime | None = None

    def once(self) -> int:
        now = self._clock()
        if self._next is None or now >= self._next:
            self._next = now + FORGET_EVERY
            self._store.forget(now - self._kept)
        return 0


def wanted(database: Database) -> bool:
    """Whether there is anybody to be told: the process stays for that."""
    return bool(SqlWebhookStore(database).active())


def running(settings: Settings, database: Database) -> AbstractContextManager[None]:
    """Delivers while the body runs; of several monitors one does."""
    given, store = settings.webhooks, SqlWebhookStore(database)
    policy = Policy(given.retry_first, timedelta(seconds=given.give_up), timedelta(seconds=given.disable))
    deliver = Delivering(
        store, partial(load_keyring, settings), sender(settings.outgoing, given.timeout), policy, utc_now
    )
    turns = (
        Queueing(SqlEventLog(database), store, utc_now),
        deliver,
        Forgetting(store, given.kept, steady_clock()),
    )
    holder = f"monitor on {socket.gethostname()} {settings.home}"
    lead = SqlLeadership(database, holder, LEASE_S, "webhooks")
    return Notifier(turns, lead, lambda: wanted(database)).running()
