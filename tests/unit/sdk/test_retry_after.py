"""A server that says when to ask again is asked then."""

from __future__ import annotations

import httpx
import pytest

from tensorfleet import errors
from tensorfleet.sdk.client import Client
from tensorfleet.testing.gateway import FakeGateway, problem


def busy(gateway: FakeGateway, times: int, **headers: str) -> None:
    left = [None] * times

    def refuse(_request: httpx.Request) -> httpx.Response | None:
        if not left:
            return None
        left.pop()
        answer = problem(429, "too_many_requests", "too many requests")
        answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return answer

    gateway.faults.append(refuse)


def test_it_waits_for_as_long_as_it_is_told(client: Client, gateway: FakeGateway, naps: list[float]) -> None:
    client.jobs.list()
    busy(gateway, 2, Retry_After="7")
    assert client.jobs.list() == []
    assert naps == [7.0, 7.0]


def test_beyond_its_patience_it_says_so_at_once(
    client: Client, gateway: FakeGateway, naps: list[float]
) -> None:
    client.jobs.list()
    busy(gateway, 1, Retry_After="3600")
    with pytest.raises(errors.TooManyRequests) as why:
        client.jobs.list()
    assert why.value.wait_s == 3600
    assert why.value.retriable
    assert naps == []


@pytest.mark.parametrize(
    "said",
    [{}, {"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {"Retry_After": "-5"}, {"Retry_After": "9" * 50}],
)
def test_what_it_cannot_read_is_a_second(
    said: dict[str, str], client: Client, gateway: FakeGateway, naps: list[float]
) -> None:
    client.jobs.list()
    busy(gateway, 1, **said)
    client.jobs.list()
    assert naps == [1.0]


def test_a_proxys_own_limit_is_one_as_well(client: Client, gateway: FakeGateway, naps: list[float]) -> None:
    client.jobs.list()
    answers = [httpx.Response(429, text="slow down", headers={"Retry-After": "3"})]
    gateway.faults.append(lambda _request: answers.pop() if answers else None)
    client.jobs.list()
    assert naps == [3.0]
