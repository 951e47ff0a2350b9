"""From the event log to the other side: what happens is queued for those who want it, and sent until it is taken.

At least once.  An entry is queued in the transaction that moves the cursor; a message is marked as delivered after it was
taken, so a crash between the two sends it again, with the same id.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from tensorfleet.errors import TensorFleetError
from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import Clock
from tensorfleet.webhooks.model import (
    LOGGED,
    Answer,
    Delivery,
    JobFacts,
    Policy,
    Webhook,
    delivery_id,
    job_of,
    judge,
    message_of,
    type_of,
    wants,
)
from tensorfleet.webhooks.ports import Sealer, Sender, WebhookStore
from tensorfleet.webhooks.sealed import headers_of, url_of

CURSOR = "webhooks"
BATCH_EVENTS = 200
CURSOR_LAG = 1000
AT_A_TIME = 16
OF_ONE = 4
"""Messages to one subscription at a time; one, while it takes nothing."""

log = structlog.get_logger(__name__)


class EventLog(Protocol):
    def read_after(
        self, position: int, limit: int = 500, job_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> list[Event]: ...
    def last_id(self) -> int: ...
    def cursor(self, name: str) -> int: ...


class Queueing:
    """Reads the event log and queues messages for the subscriptions that want them."""

    def __init__(self, events: EventLog, store: WebhookStore, clock: Clock) -> None:
        self._events = events
        self._store = store
        self._clock = clock
        self._read = 0

    def once(self) -> int:
        """Handles one batch; returns how many messages were queued."""
        hooks = self._store.active()
        if not hooks:
            return 0
        position = self._events.cursor(CURSOR)
        # Read before the entries: what is appended in between is then still ahead.
        tail = self._events.last_id()
        start = max(position, self._read, min(hook.after for hook in hooks))
        found = self._events.read_after(start, BATCH_EVENTS, kinds=LOGGED)
        if not found:
            self._read = max(self._read, tail)
            if tail - position >= CURSOR_LAG:
                self._store.queue((), CURSOR, tail)
            return 0
        jobs = self._store.jobs({job_id for event in found if (job_id := job_of(event)) is not None})
        new = [
            self._message(hook, event, jobs.get(job_of(event) or ""))
            for event in found
            for hook in hooks
            if wants(hook, event, jobs.get(job_of(event) or ""))
        ]
        self._store.queue(new, CURSOR, found[-1].id)
        return len(new)

    def _message(self, hook: Webhook, event: Event, job: JobFacts | None) -> Delivery:
        now = self._clock()
        kind = type_of(event, job) or event.kind
        return Delivery(delivery_id(hook, event), hook.id, kind, message_of(event, job), now, next_try_at=now)


class Delivering:
    """Sends what is due, several at a time: one that is slow holds up its own messages only."""

    def __init__(
        self,
        store: WebhookStore,
        keys: Callable[[], Sealer],
        send: Sender,
        policy: Policy,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._keys = keys
        self._send = send
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._sending: dict[str, str] = {}  # deliveries, and of which subscription they are

    def once(self) -> int:
        """Begins to send what is due, as far as there is room; returns how many it began."""
        due, now, begun = self._store.due(self._clock()), self._clock(), 0
        for webhook_id in sorted(due, key=lambda one: self._chance()):  # nobody is always the last
            with self._lock:
                busy = Counter(self._sending.values())
                known = set(self._sending)
            hook = self._store.find(webhook_id)
            if hook is None:
                continue
            limit = 1 if hook.failing_since is not None else OF_ONE
            room = min(limit - busy[webhook_id], AT_A_TIME - busy.total())
            for delivery in self._store.next_of(webhook_id, now, limit + len(known)) if room > 0 else ():
                if delivery.id not in known and room > 0:
                    room -= 1
                    begun += 1
                    self._begin(hook, delivery)
        return begun

    @property
    def sending(self) -> int:
        with self._lock:
            return len(self._sending)

    def _begin(self, hook: Webhook, delivery: Delivery) -> None:
        with self._lock:
            self._sending[delivery.id] = hook.id
        # A process that is told to end does not wait for the other side; what it did not hear of is sent again.
        threading.Thread(target=self._deliver, args=(hook, delivery), name="webhook", daemon=True).start()

    def _deliver(self, hook: Webhook, delivery: Delivery) -> None:
        try:
            self._settle(hook, delivery, self._try(hook, delivery))
        except TensorFleetError as error:  # the database is away: it is sent again
            log.warning("a webhook's delivery could not be noted", delivery=delivery.id, problem=error.detail)
        except Exception:
            log.exception("a webhook's delivery failed", delivery=delivery.id)
        finally:
            with self._lock:
                self._sending.pop(delivery.id, None)

    def _try(self, hook: Webhook, delivery: Delivery) -> Answer:
        body = delivery.body.encode()
        try:
            keys = self._keys()
            url, headers = url_of(keys, hook), headers_of(keys, hook, delivery.id, body, self._clock())
        except TensorFleetError as error:
            return Answer(error=f"its address or secret cannot be read here: {error.detail}")
        return self._send(url, headers, body)

    def _settle(self, hook: Webhook, delivery: Delivery, answer: Answer) -> None:
        now = self._clock()
        newest = self._store.find(hook.id)
        if newest is None:
            return
        verdict = judge(delivery, newest, answer, now, self._chance(), self._policy)
        self._store.settle(delivery, verdict.delivery, verdict.hook)
        if not answer.ok:
            log.info("a webhook did not take a message", webhook=hook.id, problem=answer.error)
        if verdict.disable is not None:
            sentence = f"webhook {hook.id} of workspace '{hook.workspace}' was turned off: {verdict.disable}"
            self._store.disable(newest, now, verdict.disable, sentence)
            log.warning("a webhook was turned off", webhook=hook.id, why=verdict.disable)
