"""Somebody who has signed in: a token that ends is replaced once, however many calls wait for it, in both clients."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tensorfleet import AsyncClient, Client
from tensorfleet.errors import NotAuthenticated
from tensorfleet.testing.gateway import problem

URL = "http://gateway.test"
CALLS = 6


class Door:
    """Lets in whoever has the latest token; a refresh token is good once."""

    def __init__(self) -> None:
        self.refreshed = 0
        self.ended = False

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/auth/refresh"):
            if self.ended or json.loads(request.content)["refresh_token"] != f"refresh-{self.refreshed}":
                return problem(401, "not_authenticated", "this refresh token was used before")
            self.refreshed += 1
            fresh = {"access_token": f"access-{self.refreshed}", "refresh_token": f"refresh-{self.refreshed}"}
            return httpx.Response(200, json=fresh | {"expires_in": 900})
        if request.headers["Authorization"] != f"Bearer access-{self.refreshed}":
            return problem(401, "not_authenticated", "this token is none")
        return httpx.Response(200, json={"items": [], "next_cursor": None})


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of somebody whose access token has ended."""
    path = tmp_path / "credentials.json"
    tokens = {"access_token": "access-0", "refresh_token": "refresh-0", "expires_at": 0}
    path.write_text(json.dumps({URL: tokens}))
    monkeypatch.setenv("TENSORFLEET_CREDENTIALS", str(path))
    monkeypatch.setenv("TENSORFLEET_HOME", str(tmp_path / "home"))
    return path


def test_threads_refresh_once(kept: Path) -> None:
    door = Door()
    with Client(URL, http=door.transport()) as client, ThreadPoolExecutor(CALLS) as pool:
        answers = [one.result() for one in [pool.submit(client.workers.list) for _ in range(CALLS)]]
    assert (answers, door.refreshed) == ([[]] * CALLS, 1)
    assert json.loads(kept.read_text())[URL]["access_token"] == "access-1"


async def test_tasks_refresh_once(kept: Path) -> None:
    door = Door()
    async with AsyncClient(URL, http=door.transport()) as client:
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*[client.workers.list() for _ in range(CALLS)])
    assert (list(answers), door.refreshed) == ([[]] * CALLS, 1)
    assert json.loads(kept.read_text())[URL]["access_token"] == "access-1"


async def test_a_session_that_has_ended_is_named_and_lets_others_go_on(kept: Path) -> None:
    door = Door()
    door.ended = True
    async with AsyncClient(URL, http=door.transport()) as client:
        for _ in range(2):
            with pytest.raises(NotAuthenticated, match="sign in again with `tensorfleet login`"):
                async with asyncio.timeout(20):
                    await client.workers.list()
