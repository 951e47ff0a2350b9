"""Streams whose readers lose their rights, without a socket."""

from __future__ import annotations

import json
from typing import Any

from tensorfleet.access.model import PERMISSIONS, Permission, Principal, Role
from tensorfleet.access.policy import Rule, Where
from tensorfleet.errors import NotAuthenticated, TensorFleetError, Unavailable
from tensorfleet.gateway.auth import CALLER, RULE
from tensorfleet.gateway.staying import EVERY_S, Staying

ANNA = Principal("u-1", "anna", within={"vision": PERMISSIONS[Role.USER]}, via="key", credential="k-1")
EVENTS = Rule(Where.SOMEWHERE, Permission.JOBS_READ, "/api/v1/events")


class Scene:
    """A stream of numbers, one a second."""

    def __init__(self, who: Principal = ANNA, rule: Rule = EVENTS) -> None:
        self.now = 0.0
        self.known: Principal | TensorFleetError = who
        self.asked: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.changes: dict[int, Any] = {}
        self.scope = {"type": "http", RULE: rule, CALLER: who}

    def again(self, proof: str) -> Principal:
        self.asked.append(proof)
        if isinstance(self.known, TensorFleetError):
            raise self.known
        return self.known

    async def numbers(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(20):
            self.known = self.changes.get(number, self.known)
            await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
            self.now += 1.0

    async def run(self) -> list[bytes]:
        async def send(message: dict[str, Any]) -> None:
            self.sent.append(message)

        await Staying(self.numbers, self.again, lambda: self.now)(self.scope, None, send)
        return [message["body"] for message in self.sent if message["type"] == "http.response.body"]


async def test_who_may_goes_on_and_is_asked_for_every_few_seconds() -> None:
    scene = Scene()
    assert len(await scene.run()) == 20
    assert scene.asked == ["key k-1"] * (19 // int(EVERY_S))


async def test_a_revoked_key_gets_nothing_more_than_why() -> None:
    scene = Scene()
    scene.changes[7] = NotAuthenticated("this key was revoked")
    bodies = await scene.run()
    kind, data = bodies[-1].decode().strip().split("\n")
    assert kind == "event: denied"
    assert json.loads(data.removeprefix("data: ")) == {
        "code": "not_authenticated",
        "detail": "this key was revoked",
    }
    assert bodies[:-1] == [b"data: %d\n\n" % number for number in range(9)], (
        "looked at after 3, 6 and 9 seconds"
    )
    assert [message["more_body"] for message in scene.sent[-2:]] == [True, False]


async def test_a_role_that_was_taken_away_ends_it() -> None:
    scene = Scene()
    scene.changes[1] = Principal("u-1", "anna", via="key", credential="k-1")
    bodies = await scene.run()
    assert len(bodies) == 4
    assert b"what you may see has changed" in bodies[-1]


async def test_while_the_store_is_away_it_goes_on() -> None:
    scene = Scene()
    scene.changes[2] = Unavailable("the database is away")
    assert len(await scene.run()) == 20


async def test_the_owner_of_the_home_and_other_answers_are_left_alone() -> None:
    owner = Scene(who=Principal("root", "root"))
    lists = Scene(rule=Rule(Where.SOMEWHERE, Permission.JOBS_READ, "/api/v1/jobs"))
    for scene in (owner, lists):
        scene.changes[0] = NotAuthenticated("gone")
        assert len(await scene.run()) == 20
        assert scene.asked == []
