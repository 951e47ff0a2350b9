"""A server that says when to ask again is asked then."""

from __future__ import annotations

from collections.abc import Callable

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


def away(seconds: str | None) -> Callable[[httpx.Request], httpx.Response | None]:
    answers = [problem(503, "unavailable", "the database is away") for _ in range(2)]
    for answer in answers if seconds else ():
        answer.headers["Retry-After"] = str(seconds)
    return lambda _request: answers.pop() if answers else None


def test_a_part_that_is_away_says_when_too(client: Client, gateway: FakeGateway, naps: list[float]) -> None:
    client.jobs.list()
    gateway.faults.append(away("3"))
    assert client.jobs.list() == []
    assert naps == [3.0, 3.0]


def test_delays_grow_and_are_not_those_of_others(
    client: Client, gateway: FakeGateway, naps: list[float]
) -> None:
    client.jobs.list()
    gateway.faults.append(away(None))
    client.jobs.list()
    assert 0.05 <= naps[0] <= 0.1 <= naps[1] <= 0.2


@pytest.mark.parametrize(
    ("method", "tries"), [("GET", 2), ("PUT", 2), ("DELETE", 2), ("POST", 2), ("PATCH", 1)]
)
def test_only_what_does_nothing_more_the_second_time_is_sent_again(
    client: Client, gateway: FakeGateway, method: str, tries: int
) -> None:
    client.jobs.list()
    gateway.fault(method, "/workers$", httpx.ReadError("reset"))
    gateway.faults.append(
        lambda request: httpx.Response(204) if request.url.path.endswith("/workers") else None
    )
    if tries == 1:
        with pytest.raises(errors.Unavailable, match="broke"):
            client.transport.call(method, "/workers")
    else:
        assert client.transport.call(method, "/workers") is None
    sent = gateway.sent(method, "/workers$")
    assert len(sent) == tries
    assert len({request.headers.get("Idempotency-Key") for request in sent}) == 1
    assert ("Idempotency-Key" in sent[0].headers) == (method == "POST")
