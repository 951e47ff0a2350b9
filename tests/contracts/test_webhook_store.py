"""Webhooks from the event log to the sender, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import cursors, events, webhooks
from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.kit.sealing import new_sealing_key
from tensorfleet.sdk.webhooks import verify_webhook
from tensorfleet.secrets.envelope import Keyring, key_id
from tensorfleet.webhooks.delivering import CURSOR, OF_ONE, Delivering, Queueing
from tensorfleet.webhooks.model import Answer, Delivery, Policy, State, Webhook
from tensorfleet.webhooks.sealed import seal
from tensorfleet.webhooks.service import new_secret
from tensorfleet.webhooks.store import SqlWebhookStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
KEY = new_sealing_key()
KEYS = Keyring({key_id(KEY): KEY}, key_id(KEY))
KIND = "budget.spent"


@dataclass
class World:
    database: Database
    now: datetime = NOON
    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.gate.set()
        self.store = SqlWebhookStore(self.database)
        self.log = SqlEventLog(self.database)
        self.secret = new_secret()
        self.restart()

    def restart(self) -> None:
        """What a new process has."""
        clock = lambda: self.now  # noqa: E731
        policy = Policy(5.0, timedelta(days=3), timedelta(days=5))
        self.queueing = Queueing(self.log, self.store, clock)
        self.delivering = Delivering(self.store, lambda: KEYS, self.send, policy, clock, lambda: 0.5)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(10)
        with self.lock:
            self.running -= 1
            self.sent.append((url, dict(headers), body))
            return self.answers.pop(0) if self.answers else Answer(200)

    def hook(self, name: str = "wh-1", workspace: str = "vision") -> Webhook:
        sealed = seal(KEYS, name, "url", f"https://{name}.example.org/x")
        made = Webhook(
            name,
            workspace,
            sealed,
            (KIND, "webhook.disabled"),
            self.now,
            0,
            seal(KEYS, name, "secret", self.secret),
        )
        return self.store.add(made)

    def happens(self, count: int = 1, workspace: str = "vision", kind: str = KIND) -> None:
        with self.database.begin() as connection:
            self.log.append(connection, [NewEvent(kind, self.now, {"workspace": workspace})] * count)

    def turn(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.queueing.once()
            self.delivering.once()
            self.settled()

    def settled(self) -> None:
        self.until(lambda: self.delivering.sending == 0)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def states(self, name: str = "wh-1") -> list[State]:
        return [one.state for one in self.store.deliveries(name, None, 100, None)]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_what_happens_is_told_once_signed_and_nothing_from_before(world: World) -> None:
    world.happens()
    world.hook()
    world.happens()
    world.happens(workspace="other")
    world.turn()
    world.restart()
    world.turn(3)

    ((url, headers, body),) = world.sent
    assert url == "https://wh-1.example.org/x"
    message = verify_webhook(world.secret, headers, body, now=NOON.timestamp())
    assert (message["type"], message["data"]["workspace"]) == (KIND, "vision")
    assert message["id"].startswith("wh-1-")
    assert world.states() == [State.DELIVERED]


def test_a_cursor_that_was_lost_tells_nothing_twice(world: World) -> None:
    world.hook()
    world.happens(3)
    world.turn()
    with world.database.begin() as connection:
        connection.execute(delete(cursors).where(cursors.c.name == CURSOR))
    world.restart()
    world.turn(3)

    assert len(world.sent) == 3


def test_a_process_that_died_while_sending_sends_again_with_the_same_id(world: World) -> None:
    world.hook()
    world.happens()
    world.gate.clear()
    world.queueing.once()
    world.delivering.once()
    world.until(lambda: world.running == 1)
    world.restart()  # what the first one sent it did not note
    world.delivering.once()
    world.until(lambda: world.running == 2)
    world.gate.set()
    world.settled()
    world.until(lambda: len(world.sent) == 2)

    assert len({headers["webhook-id"] for _, headers, _ in world.sent}) == 1
    assert len({body for _, _, body in world.sent}) == 1
    assert world.states() == [State.DELIVERED]


def test_what_is_not_taken_comes_again_and_later_each_time(world: World) -> None:
    world.hook()
    world.happens()
    world.answers = [
        Answer(500, "it answers with 500"),
        Answer(error="it does not answer"),
        Answer(429, "no", 60.0),
    ]
    world.turn(3)
    assert len(world.sent) == 1
    for _ in range(2):
        world.now += timedelta(seconds=20)
        world.turn(2)
    assert len(world.sent) == 3
    world.now += timedelta(seconds=59)
    world.turn()
    assert len(world.sent) == 3, "it has asked for a minute"
    (waiting,) = world.store.deliveries("wh-1", State.WAITING, 10, None)
    assert (waiting.attempts, waiting.status, waiting.error) == (3, 429, "no")
    found = world.store.find("wh-1")
    assert found is not None
    assert found.failing_since == NOON
    world.now += timedelta(seconds=2)
    world.turn()

    assert world.states() == [State.DELIVERED]
    stamps = [headers["webhook-timestamp"] for _, headers, _ in world.sent]
    assert stamps == sorted(set(stamps)), "each try is signed anew"
    assert len({headers["webhook-id"] for _, headers, _ in world.sent}) == 1


def test_one_that_is_slow_holds_up_only_itself(world: World) -> None:
    world.hook("wh-slow")
    world.happens(20)
    world.gate.clear()
    world.queueing.once()
    for _ in range(4):
        world.delivering.once()
    world.until(lambda: world.running == OF_ONE)
    assert world.delivering.sending == OF_ONE
    world.hook("wh-quick", "other")
    world.happens(workspace="other")
    world.queueing.once()
    assert world.delivering.once() == 1
    world.until(lambda: world.running == OF_ONE + 1)
    world.gate.set()
    world.settled()
    world.turn(10)

    assert len(world.sent) == 21
    assert set(world.states("wh-slow")) == {State.DELIVERED}
    assert world.most == OF_ONE + 1


def test_who_says_that_it_is_gone_is_turned_off_and_others_are_told(world: World) -> None:
    world.hook()
    world.hook("wh-2")
    world.happens(2)
    world.answers = [Answer(200), Answer(410)]
    world.delivering._chance = lambda: 0.0
    world.store.change("wh-2", {"events": [KIND]})
    world.queueing.once()
    hook = world.store.find("wh-2")
    assert hook is not None
    (first, _) = world.store.next_of("wh-2", world.now, 10)
    world.answers = [Answer(410)]
    world.delivering._deliver(hook, first)
    assert set(world.states("wh-2")) == {State.DEAD}
    off = world.store.find("wh-2")
    assert off is not None
    assert off.disabled_at == NOON
    assert "410" in (off.disabled_why or "")
    world.store.disable(off, world.now, "again", "again")
    world.turn(2)

    types = sorted(one.type for one in world.store.deliveries("wh-1", None, 10, None))
    assert types == [KIND, KIND, "webhook.disabled"]
    world.happens()
    world.store.enable("wh-2")
    world.happens()
    world.turn(2)
    assert [one.state for one in world.store.deliveries("wh-2", State.DELIVERED, 10, None)] == [
        State.DELIVERED
    ], "what happened while it was off is not told"


def test_what_is_dead_can_be_sent_again(world: World) -> None:
    world.hook()
    world.happens()
    world.answers = [Answer(500, "no")]
    world.turn()
    (delivery,) = world.store.deliveries("wh-1", None, 10, None)
    assert world.store.settle(delivery, {"state": State.DEAD, "finished_at": NOON, "next_try_at": None}, {})
    assert not world.store.settle(delivery, {"attempts": 9}, {}), "it does not wait any more"
    world.turn()
    assert len(world.sent) == 1
    world.store.again(replace(delivery, state=State.DEAD), world.now)
    world.turn()

    assert len(world.sent) == 2
    assert world.states() == [State.DELIVERED]
    assert world.store.forget(world.now + timedelta(seconds=1)) == 1


def test_a_webhook_that_was_deleted_in_between_holds_nothing_up(world: World) -> None:
    gone, there = world.hook("wh-gone"), world.hook("wh-2")
    new = [Delivery(f"{hook.id}-1", hook.id, KIND, "{}", NOON, next_try_at=NOON) for hook in (gone, there)]
    assert world.store.delete("wh-gone")
    assert not world.store.delete("wh-gone")
    world.store.queue(new, CURSOR, 1)
    world.store.queue(new, CURSOR, 1)

    assert world.store.due(NOON) == ["wh-2"]
    assert len(world.store.deliveries("wh-2", None, 10, None)) == 1
    assert world.log.cursor(CURSOR) == 1


def test_nothing_readable_lies_in_the_store(world: World) -> None:
    world.hook()
    with world.database.read() as connection:
        row = connection.execute(select(webhooks)).one()
    assert "example" not in str(row)
    assert world.secret not in str(row)


def test_pages_of_deliveries(world: World) -> None:
    world.hook()
    world.happens(7)
    world.turn(4)
    seen: list[str] = []
    before: tuple[datetime, str] | None = None
    while page := world.store.deliveries("wh-1", None, 3, before):
        seen += [one.id for one in page]
        before = (page[-1].created_at, page[-1].id)
    assert len(seen) == len(set(seen)) == 7


def test_a_store_that_is_away_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.hook()
    world.happens()
    world.queueing.once()
    with monkeypatch.context() as broken:

        def away(*_: object) -> bool:
            raise Unavailable("the database is away")

        broken.setattr(SqlWebhookStore, "settle", away)
        world.delivering.once()
        world.settled()
    world.turn()

    assert len(world.sent) == 2
    assert world.states() == [State.DELIVERED]
    with world.database.read() as connection:
        assert connection.execute(select(events)).all()
    with pytest.raises(InvalidInput):
        verify_webhook("whsec_x", {}, b"")
