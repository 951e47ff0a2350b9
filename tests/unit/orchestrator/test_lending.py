"""Who is answered about objects: the worker that holds a lease, while it is in force."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tensorfleet.errors import NotFound, Unavailable
from tensorfleet.jobs.held_leases import HeldLease
from tensorfleet.objects.rights import Need
from tensorfleet.orchestrator.lending import Lending

HELD = HeldLease("w-1", Need("j-1", 1, 0), True)


class Leases:
    def __init__(self) -> None:
        self.held: HeldLease | None = HELD

    def find(self, token: int) -> HeldLease | None:
        return self.held if token == 7 else None


class Desk:
    def __init__(self) -> None:
        self.error: Exception | None = None

    def answer(self, need: Need, question: Any) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {"job": need.job_id, "op": question.fields["op"], "bytes": len(question.data)}


class Room:
    def __init__(self) -> None:
        self.leases, self.desk = Leases(), Desk()
        self.lending = Lending(self.leases, self.desk)  # type: ignore[arg-type]

    async def ask(
        self, worker: str | None = "w-1", lease: int = 7, question: str = '{"op": "size"}'
    ) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.lending.answer(worker, lease, question, b"abc"))
        return found


@pytest.fixture
def room() -> Any:
    found = Room()
    yield found
    found.lending.close()
    found.lending._threads.shutdown(wait=True)


async def test_the_holder_is_answered(room: Room) -> None:
    for worker in ("w-1", None):
        assert await room.ask(worker) == {"ok": {"job": "j-1", "op": "size", "bytes": 3}}


async def test_others_are_not(room: Room) -> None:
    for answer in (await room.ask("w-2"), await room.ask(""), await room.ask(lease=8)):
        assert answer["error"]["code"] == "not_permitted"
        assert "of this worker" in answer["error"]["detail"]


async def test_a_lease_that_is_over(room: Room) -> None:
    room.leases.held = replace(HELD, in_force=False)
    answer = await room.ask()
    assert answer["error"]["code"] == "not_permitted"
    assert "lease 7 is over: attempt 1 of job j-1" in answer["error"]["detail"]


@pytest.mark.parametrize("question", ["", "{", "[]", "7", "[" * 100_000])
async def test_what_is_no_question(room: Room, question: str) -> None:
    assert (await room.ask(question=question))["error"]["code"] == "invalid_input"


async def test_errors_are_told_and_defects_are_not_shown(room: Room) -> None:
    for error, code in (
        (NotFound("gone"), "not_found"),
        (Unavailable("away"), "unavailable"),
        (ValueError("https://s3/key?X-Amz-Signature=secret"), "internal"),
    ):
        room.desk.error = error
        answer = (await room.ask())["error"]
        assert answer["code"] == code
        assert "secret" not in answer["detail"]


async def test_a_folder_is_not_lent() -> None:
    lending = Lending(Leases(), None)  # type: ignore[arg-type]
    answer = json.loads(await lending.answer("w-1", 7, "{}", b""))
    assert "lie in a folder" in answer["error"]["detail"]
    lending._threads.shutdown(wait=True)
