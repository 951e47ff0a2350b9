from __future__ import annotations

from typing import Any

import pytest

from tensorfleet.access.model import Permission, Principal
from tensorfleet.access.policy import Rule, Where
from tensorfleet.access.sign_in import Remembered
from tensorfleet.gateway import recalled
from tensorfleet.gateway.auth import CALLER, RULE
from tensorfleet.gateway.limits import Limits
from tensorfleet.gateway.recalled import Recalled
from tensorfleet.kit.buckets import MemoryBuckets
from tensorfleet.settings_protection import LimitSettings, LimitsSettings

JOB = "/api/v1/jobs/j-1"
PATTERN = "/api/v1/jobs/{job_id}"


class Marked:
    def __init__(self, world: World) -> None:
        self._world = world

    async def now(self) -> int | None:
        return self._world.mark

    async def aclose(self) -> None: ...


class World:
    """A gateway whose application counts how often it is asked."""

    def __init__(self, quota: int = 100) -> None:
        self.now, self.mark = 0.0, 1
        self.asked, self.moving = 0, False
        self.cookies: list[Any] = []
        self.status, self.pieces, self.route = 200, [b"one"], PATTERN
        self.people = {"ann-token": Principal("u-ann", "ann"), "bob-token": Principal("u-bob", "bob")}
        self.known = Remembered(self.people.__getitem__, lambda: self.now)
        self.counted: list[Any] = []
        read = LimitSettings(quota=quota, per_s=60.0)
        limits = Limits(LimitsSettings(read=read), MemoryBuckets(lambda: self.now))
        self.app = Recalled(self._app, Marked(self), self._remembered, limits, self)  # type: ignore[arg-type]

    def _remembered(self, scope: Any) -> Principal | None:
        return self.known.find(dict(scope["headers"]).get(b"authorization", b"").decode()[7:])

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        self.mark = self.mark and self.mark + self.moving
        token = dict(scope["headers"]).get(b"authorization", b"").decode()[7:]
        if token:
            scope[CALLER] = self.known.find(token) or self.known.look_up(token)
            scope[RULE] = Rule(Where.JOB, Permission.JOBS_READ, self.route)
        headers = [(b"etag", b'"1"'), (b"ratelimit", b"old"), *self.cookies]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        for number, piece in enumerate(self.pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(self.pieces)})

    def count(self, *about: Any) -> None:
        self.counted.append(about)

    async def ask(
        self, path: str = JOB, token: str = "ann-token", method: str = "GET", **headers: str
    ) -> Any:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        given = {"authorization": f"Bearer {token}"} if token else {}
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "scheme": "http",
            "client": ("192.0.2.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in (given | headers).items()],
        }  # fmt: skip
        await self.app(scope, None, send)
        names = [name for name, _ in sent[0]["headers"]]
        assert len(names) == len(set(names)), "each header once"
        return sent[0]["status"], dict(sent[0]["headers"]), b"".join(one["body"] for one in sent[1:])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World()


async def test_the_same_question_is_answered_from_memory(world: World) -> None:
    first = await world.ask()
    second = await world.ask()
    assert world.asked == 1
    assert (first[0], first[2]) == (second[0], second[2]) == (200, b"one")
    assert second[1][b"etag"] == b'"1"'
    assert second[1][b"ratelimit"] != b"old"
    assert [about[:3] for about in world.counted] == [("GET", PATTERN, 200)]


async def test_a_change_of_the_database_asks_again(world: World) -> None:
    await world.ask()
    world.mark, world.pieces = 2, [b"two"]
    assert (await world.ask())[2] == b"two"
    assert (await world.ask())[2] == b"two"
    assert world.asked == 2


async def test_what_changed_while_it_was_read_is_read_again(world: World) -> None:
    world.moving = True
    await world.ask()
    await world.ask()
    assert world.asked == 2


async def test_without_a_mark_nothing_is_kept_or_recalled(world: World) -> None:
    await world.ask()
    world.mark = None  # type: ignore[assignment]
    await world.ask()
    await world.ask()
    assert world.asked == 3


async def test_who_is_not_known_any_more_is_looked_up(world: World) -> None:
    await world.ask()
    world.known.forget()
    await world.ask()
    assert world.asked == 2
    world.now += 5.0
    await world.ask()
    assert world.asked == 3


async def test_who_has_other_rights_now_gets_another_answer(world: World) -> None:
    await world.ask()
    world.people["ann-token"] = Principal("u-ann", "ann", everywhere=frozenset({Permission.JOBS_READ}))
    world.known.forget()
    world.known.look_up("ann-token")
    await world.ask()
    assert world.asked == 2


async def test_each_caller_and_each_header_has_its_own(world: World) -> None:
    await world.ask()
    await world.ask(token="bob-token")
    await world.ask(path=JOB + "/metrics")
    await world.ask(**{"if-none-match": '"1"'})
    await world.ask(host="elsewhere")
    assert world.asked == 5


@pytest.mark.parametrize(
    "change",
    [
        {"status": 404},
        {"cookies": [(b"set-cookie", b"a=b")]},
        {"pieces": [b"a", b"b"]},
        {"pieces": [b"x" * (recalled.LARGEST_BYTES + 1)]},
        {"route": "/api/v1/jobs/{job_id}/why"},
    ],
    ids=["not found", "a new cookie", "a stream", "too large", "depends on more"],
)
async def test_what_is_not_to_be_kept(world: World, change: dict[str, Any]) -> None:
    vars(world).update(change)
    first, second = await world.ask(), await world.ask()
    assert world.asked == 2
    assert (first[0], first[2]) == (second[0], second[2])


async def test_nobody_and_changes_are_not_recalled(world: World) -> None:
    for _ in range(2):
        await world.ask(token="")
        await world.ask(method="POST")
        await world.ask(path="/api/v1/users")
    assert world.asked == 6


async def test_an_empty_bucket_is_for_the_application_to_say() -> None:
    world = World(quota=2)
    for _ in range(4):
        await world.ask()
    assert world.asked == 2, "the first, and the one that has no token left"
    assert len(world.counted) == 2


async def test_it_holds_only_so_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalled, "MOST_ANSWERS", 3)
    monkeypatch.setattr(recalled, "MOST_BYTES", 10)
    for number in range(20):
        await world.ask(path=f"{JOB}{number}")
    assert len(world.app._kept) <= 3
    assert world.app._bytes == sum(len(one.body) for one in world.app._kept.values()) <= 10
