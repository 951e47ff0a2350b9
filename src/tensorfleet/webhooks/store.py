"""Subscriptions and deliveries in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import cursors, events, jobs, webhook_deliveries, webhooks
from tensorfleet.webhooks.model import DISABLED_EVENT, Delivery, JobFacts, State, Webhook

_BATCH = 500
_DELIVERY = tuple(field.name for field in fields(Delivery))


class SqlWebhookStore:
    """`WebhookStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._upsert = sqlite.insert if database.is_sqlite else postgresql.insert

    def add(self, hook: Webhook) -> Webhook:
        with self._database.begin() as connection:
            row = {**vars(hook), "events": list(hook.events), "after": self._newest(connection)}
            connection.execute(insert(webhooks).values(**row))
            return _webhook(connection.execute(select(webhooks).where(webhooks.c.id == hook.id)).one())

    def find(self, webhook_id: str) -> Webhook | None:
        with self._database.read() as connection:
            row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).one_or_none()
        return _webhook(row) if row else None

    def all(self, within: Sequence[str] | None) -> list[Webhook]:
        query = select(webhooks).order_by(webhooks.c.created_at, webhooks.c.id)
        if within is not None:
            query = query.where(webhooks.c.workspace.in_(within))
        with self._database.read() as connection:
            return [_webhook(row) for row in connection.execute(query)]

    def active(self) -> list[Webhook]:
        query = select(webhooks).where(webhooks.c.disabled_at.is_(None)).order_by(webhooks.c.id)
        with self._database.read() as connection:
            return [_webhook(row) for row in connection.execute(query)]

    def change(self, webhook_id: str, values: Mapping[str, Any]) -> None:
        if values:
            with self._database.begin() as connection:
                connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values))

    def enable(self, webhook_id: str) -> None:
        on = {"disabled_at": None, "disabled_why": None, "failing_since": None}
        with self._database.begin() as connection:
            values = {**on, "after": self._newest(connection)}
            mine = (webhooks.c.id == webhook_id) & webhooks.c.disabled_at.is_not(None)
            connection.execute(update(webhooks).where(mine).values(**values))

    def disable(self, hook: Webhook, now: datetime, why: str, message: str) -> None:
        on = (webhooks.c.id == hook.id) & webhooks.c.disabled_at.is_(None)
        waiting = (webhook_deliveries.c.webhook_id == hook.id) & (
            webhook_deliveries.c.state == State.WAITING.value
        )
        given_up = {"state": State.DEAD.value, "finished_at": now, "next_try_at": None}
        told = {"webhook_id": hook.id, "workspace": hook.workspace, "message": message}
        with self._database.begin() as connection:
            off = update(webhooks).where(on).values(disabled_at=now, disabled_why=why)
            if connection.execute(off).rowcount == 0:
                return
            connection.execute(update(webhook_deliveries).where(waiting).values(**given_up))
            self._database.lock_event_log(connection)
            entry = {"job_id": None, "kind": DISABLED_EVENT, "at": now, "data": told}
            connection.execute(insert(events).values(**entry))

    def delete(self, webhook_id: str) -> bool:
        with self._database.begin() as connection:
            return connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id)).rowcount > 0

    def jobs(self, job_ids: Iterable[str]) -> dict[str, JobFacts]:
        columns = (jobs.c.id, jobs.c.name, jobs.c.workspace, jobs.c.kind, jobs.c.spec, jobs.c.metrics)
        query = select(*columns).where(jobs.c.id.in_(set(job_ids)))
        with self._database.read() as connection:
            return {
                row.id: JobFacts(
                    row.id, row.name, row.workspace, row.kind, row.spec.get("labels") or {}, row.metrics
                )
                for row in connection.execute(query)
            }

    def queue(self, new: Sequence[Delivery], cursor: str, position: int) -> None:
        moved = self._upsert(cursors).values(name=cursor, position=position)
        moved = moved.on_conflict_do_update(
            index_elements=["name"], set_={"position": moved.excluded.position}
        )
        with self._database.begin() as connection:
            # One that was deleted meanwhile is told nothing; its row would hold the whole batch up.
            wanted = {delivery.webhook_id for delivery in new}
            query = select(webhooks.c.id).where(webhooks.c.id.in_(wanted)).with_for_update(read=True)
            there = set(connection.execute(query).scalars()) if wanted else set()
            rows = [_delivery_row(delivery) for delivery in new if delivery.webhook_id in there]
            for start in range(0, len(rows), _BATCH):
                added = self._upsert(webhook_deliveries).on_conflict_do_nothing(index_elements=["id"])
                connection.execute(added, rows[start : start + _BATCH])
            connection.execute(moved)

    def due(self, now: datetime) -> list[str]:
        query = (
            select(webhook_deliveries.c.webhook_id)
            .join(webhooks, webhooks.c.id == webhook_deliveries.c.webhook_id)
            .where(_is_due(now), webhooks.c.disabled_at.is_(None))
            .distinct()
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def next_of(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        mine = and_(webhook_deliveries.c.webhook_id == webhook_id, _is_due(now))
        order = (webhook_deliveries.c.next_try_at, webhook_deliveries.c.created_at, webhook_deliveries.c.id)
        query = select(webhook_deliveries).where(mine).order_by(*order).limit(limit)
        with self._database.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def settle(self, delivery: Delivery, values: Mapping[str, Any], hook: Mapping[str, Any]) -> bool:
        same = and_(
            webhook_deliveries.c.id == delivery.id,
            webhook_deliveries.c.state == State.WAITING.value,
            webhook_deliveries.c.attempts == delivery.attempts,
        )
        values = {name: str(one) if isinstance(one, State) else one for name, one in values.items()}
        with self._database.begin() as connection:
            if hook:
                mine = webhooks.c.id == delivery.webhook_id
                connection.execute(update(webhooks).where(mine).values(**hook))
            return connection.execute(update(webhook_deliveries).where(same).values(**values)).rowcount > 0

    def find_delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        mine = (webhook_deliveries.c.webhook_id == webhook_id) & (webhook_deliveries.c.id == delivery_id)
        with self._database.read() as connection:
            row = connection.execute(select(webhook_deliveries).where(mine)).one_or_none()
        return _delivery(row) if row else None

    def deliveries(
        self, webhook_id: str, state: State | None, limit: int, before: tuple[datetime, str] | None
    ) -> list[Delivery]:
        at, identity = webhook_deliveries.c.created_at, webhook_deliveries.c.id
        query = select(webhook_deliveries).where(webhook_deliveries.c.webhook_id == webhook_id)
        if state is not None:
            query = query.where(webhook_deliveries.c.state == state.value)
        if before is not None:
            query = query.where(or_(at < before[0], and_(at == before[0], identity < before[1])))
        with self._database.read() as connection:
            page = connection.execute(query.order_by(at.desc(), identity.desc()).limit(limit))
            return [_delivery(row) for row in page]

    def again(self, delivery: Delivery, now: datetime) -> None:
        values = {
            "state": State.WAITING.value, "attempts": 0, "next_try_at": now, "finished_at": None, "created_at": now,
        }  # fmt: skip
        with self._database.begin() as connection:
            mine = webhook_deliveries.c.id == delivery.id
            connection.execute(update(webhook_deliveries).where(mine).values(**values))

    def forget(self, before: datetime) -> int:
        with self._database.begin() as connection:
            old = webhook_deliveries.c.finished_at < before
            return int(connection.execute(delete(webhook_deliveries).where(old)).rowcount)

    def _newest(self, connection: Connection) -> int:
        return int(connection.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one())


def _is_due(now: datetime) -> Any:
    # Written out, not bound: SQLite then takes the index of those that wait.
    waiting = webhook_deliveries.c.state == literal_column(f"'{State.WAITING.value}'")
    return and_(waiting, webhook_deliveries.c.next_try_at <= now)


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(**{**row._mapping, "events": tuple(row.events)})


def _delivery(row: Row[Any]) -> Delivery:
    values = {name: row._mapping[name] for name in _DELIVERY}
    return Delivery(**{**values, "state": State(row.state)})


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    return {**vars(delivery), "state": delivery.state.value}
