from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from tensorfleet.gateway.bodies import BODY_LIMIT_BYTES, BYTES_PER_S, MOST_DEPTH, limit_bodies, too_deep


async def read_through(
    messages: list[Any], method: str = "POST", path: str = "/api/v1/jobs", patience_s: float = 30.0
) -> list[Any]:
    """What an application gets that reads until the body ends; a message that is a number is a pause."""
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            got.append(await receive())
            if not got[-1].get("more_body"):
                return

    async def receive() -> Any:
        while isinstance(messages[0], float):
            await asyncio.sleep(messages.pop(0))
        return messages.pop(0)

    await limit_bodies(app, patience_s)({"type": "http", "method": method, "path": path}, receive, None)
    return got


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


async def test_a_body_passes_as_it_came() -> None:
    messages = [body(b"[1,", True), body(b"2]")]
    assert await read_through(list(messages)) == messages


async def test_a_body_that_does_not_come_is_given_up() -> None:
    with pytest.raises(HTTPException) as why:
        await read_through([body(b"{", True), 60.0], patience_s=0.05)
    assert why.value.status_code == 408
    assert why.value.headers == {"Connection": "close"}


async def test_a_drip_is_given_up_although_each_byte_comes_in_time() -> None:
    drip = [x for _ in range(1000) for x in (0.01, body(b" ", True))]
    with pytest.raises(HTTPException) as why:
        await read_through(drip, patience_s=0.1)
    assert why.value.status_code == 408


async def test_what_keeps_coming_may_take_long() -> None:
    piece = body(b" " * int(BYTES_PER_S * 0.2), True)
    messages = [x for _ in range(5) for x in (0.05, piece)]
    assert len(await read_through([*messages, body(b"1")], patience_s=0.1)) == 6


async def test_the_time_in_which_nobody_reads_does_not_count() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(0.2)
        await receive()

    messages = [body(b"a", True), body(b"b")]

    async def receive() -> Any:
        return messages.pop(0)

    await limit_bodies(slow, 0.1)({"type": "http", "method": "PUT", "path": "/api/v1/x"}, receive, None)
    assert messages == []


async def test_waiting_for_a_client_to_leave_has_no_end() -> None:
    async def streaming(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"

    messages: list[Any] = [body(b""), {"type": "http.disconnect"}]

    async def receive() -> Any:
        if len(messages) == 1:
            await asyncio.sleep(0.1)
        return messages.pop(0)

    await limit_bodies(streaming, 0.02)({"type": "http", "method": "GET", "path": "/"}, receive, None)


async def test_a_stream_whose_request_never_ends_is_over() -> None:
    got = await read_through([body(b"", True), 60.0], method="GET", patience_s=0.02)
    assert got[-1] == {"type": "http.disconnect"}


async def test_what_is_held_as_a_whole_has_an_end() -> None:
    piece = body(b" " * (BODY_LIMIT_BYTES // 2), True)
    with pytest.raises(HTTPException) as why:
        await read_through([piece, piece, body(b" ")])
    assert why.value.status_code == 413
    chunk = "/api/v1/uploads/u-1/chunks/0"
    assert len(await read_through([piece, piece, piece, body(b"[" * 500)], path=chunk)) == 4


async def test_other_scopes_pass() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await limit_bodies(app)({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 5000 + "1" + "}" * 5000, "[" * 65 * 3 + "]" * 65 * 3, '[{"a":' * 200 + "1" + "}]" * 200],
)  # fmt: skip
async def test_what_is_too_deep_is_refused_before_anything_reads_it(text: str) -> None:
    assert too_deep(text.encode())
    cut = len(text) // 2
    with pytest.raises(HTTPException) as why:
        await read_through([body(text[:cut].encode(), True), body(text[cut:].encode())])
    assert why.value.status_code == 422


@pytest.mark.parametrize(
    "value",
    [
        [[1]] * 10_000,
        {"text": "[" * 10_000, "more": '\\"[{' * 1000},
        {f"k{n}": {"a": [n, {"b": []}]} for n in range(1000)},
        json.loads("[" * MOST_DEPTH + "]" * MOST_DEPTH),
        {'a"]': [{}], "b\\": [[]] * 100},
    ],
)
def test_what_is_only_long_passes(value: Any) -> None:
    assert not too_deep(json.dumps(value).encode())


@pytest.mark.parametrize(
    "data",
    [
        b'"' + b'\\"' * 500_000 + b"[" * 65,
        b'"\\' * 350_000 + b"[" * 65,
        b"[]{}" * 250_000,
        b'["' * 500_000,
        b"[" * 500_000 + b"]" * 500_000,
        b"]" * 1_000_000,
    ],
)
def test_looking_takes_no_time(data: bytes) -> None:
    began = time.process_time()
    too_deep(data)
    assert time.process_time() - began < 1.0
