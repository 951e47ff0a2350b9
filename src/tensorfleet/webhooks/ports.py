"""What webhooks need from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tensorfleet.webhooks.model import Answer, Delivery, JobFacts, State, Webhook


class Sealer(Protocol):
    """Keeps short texts so that the store alone cannot read them."""

    def seal(self, plain: bytes, context: str) -> str: ...
    def open(self, sealed: str, context: str) -> bytes: ...


class Sender(Protocol):
    """Sends one message and says what came of it; never raises for what the other side does."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class WebhookStore(Protocol):
    """Subscriptions and their deliveries.  Thread-safe; every method is one transaction.

    Raises (every method):
        Unavailable: the store is away; the call can be repeated.
    """

    def add(self, hook: Webhook) -> Webhook:
        """Keeps it; it is told what happens from this moment on."""
        ...

    def find(self, webhook_id: str) -> Webhook | None: ...

    def all(self, within: Sequence[str] | None) -> list[Webhook]:
        """Those of these workspaces (None: of all), the oldest first."""
        ...

    def active(self) -> list[Webhook]:
        """Those that are not turned off."""
        ...

    def change(self, webhook_id: str, values: Mapping[str, Any]) -> None: ...

    def enable(self, webhook_id: str) -> None:
        """Turns it on; what happened while it was off is not told."""
        ...

    def disable(self, hook: Webhook, now: datetime, why: str, message: str) -> None:
        """Turns it off, gives up what waits, and says so in the event log; nothing if it is off already."""
        ...

    def delete(self, webhook_id: str) -> bool:
        """With its deliveries."""
        ...

    def jobs(self, job_ids: Iterable[str]) -> dict[str, JobFacts]: ...

    def queue(self, new: Sequence[Delivery], cursor: str, position: int) -> None:
        """Keeps deliveries, each id once, and moves the cursor, both or none."""
        ...

    def due(self, now: datetime) -> list[str]:
        """The subscriptions, not turned off, that have something to be sent by now."""
        ...

    def next_of(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        """What is to be sent by now, the longest due first."""
        ...

    def settle(self, delivery: Delivery, values: Mapping[str, Any], hook: Mapping[str, Any]) -> bool:
        """Writes what became of a try, also to the subscription; False if the delivery was changed meanwhile."""
        ...

    def find_delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None: ...

    def deliveries(
        self, webhook_id: str, state: State | None, limit: int, before: tuple[datetime, str] | None
    ) -> list[Delivery]:
        """The newest first; those before an instant and an id."""
        ...

    def again(self, delivery: Delivery, now: datetime) -> None:
        """Has it sent anew, with all its tries."""
        ...

    def forget(self, before: datetime) -> int:
        """Removes deliveries that were finished before."""
        ...
