"""The users of a chaos run, before a gateway that is played by a list of answers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tensorfleet.testing.chaos import client
from tensorfleet.testing.chaos.client import Users

AWAY = {"status": 503, "code": "unavailable", "detail": "the metadata store does not answer", "errors": []}


@dataclass
class Plan:
    name: str

    def spec(self, digest: str) -> dict[str, Any]:
        return {"name": self.name}


def _submit(answers: list[list[dict[str, Any]]]) -> tuple[Users, list[list[str]]]:
    asked: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append([item["name"] for item in json.loads(request.content)["items"]])
        return httpx.Response(200, json={"items": answers[len(asked) - 1]})

    async def run() -> Users:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://played") as http:
            users = Users(http, "")
            await users.submit([Plan("a"), Plan("b")])  # type: ignore[list-item]
            return users

    return asyncio.run(run()), asked


def test_what_the_database_missed_in_the_middle_of_a_batch_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "AGAIN_S", 0.0)
    users, asked = _submit([[{"job": {"job_id": "j-1"}}, AWAY], [{"job": {"job_id": "j-2"}}]])
    assert asked == [["a", "b"], ["b"]]
    assert users.refused == {"503": 1}


def test_a_job_that_is_refused_for_good_is_told() -> None:
    with pytest.raises(AssertionError, match="a was refused"):
        _submit([[{"status": 422, "errors": [{"code": "unknown_field"}]}, AWAY]])
