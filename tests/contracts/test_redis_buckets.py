"""Buckets that gateways share in a real Redis server, which is emptied, killed and frozen."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tensorfleet.adapters import redis_buckets, redis_link
from tensorfleet.adapters.redis_buckets import RedisBuckets
from tensorfleet.adapters.redis_link import RedisLink
from tensorfleet.kit.buckets import MemoryBuckets, Policy
from tensorfleet.testing.servers import RedisServer, redis

FIVE = Policy("read", 5, 3600.0)
QUICK = Policy("quick", 2, 0.4)


@pytest.fixture(scope="module")
def running() -> Iterator[RedisServer]:
    with redis() as started:
        yield started


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    running.flush()
    return running


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, Redis is not taken to be away."""
    monkeypatch.setattr(redis_link, "ANSWER_S", 30.0)
    monkeypatch.setattr(redis_buckets, "ANSWER_S", 30.0)


@pytest.fixture
async def two(server: RedisServer, patient: None) -> AsyncIterator[tuple[RedisBuckets, RedisBuckets]]:
    """Two gateways of one platform."""
    both = [RedisBuckets(RedisLink(server.url), MemoryBuckets(time.monotonic), "token") for _ in range(2)]
    yield both[0], both[1]
    for one in both:
        await one.aclose()


async def test_gateways_share_what_a_caller_may_ask(two: tuple[RedisBuckets, RedisBuckets]) -> None:
    first, second = two
    said = [await first.take_soon("a", FIVE), second.take("a", FIVE), await second.take_soon("a", FIVE)]
    assert [one.remaining for one in said] == [4, 3, 2]
    assert first.peek("a", FIVE).remaining == 1
    assert first.take("a", FIVE).allowed
    assert second.take("a", FIVE).allowed
    refused = await first.take_soon("a", FIVE)
    assert not refused.allowed
    assert refused.wait_s == pytest.approx(720, abs=5)
    assert not second.peek("a", FIVE).allowed
    assert second.take("b", FIVE).remaining == 4
    assert second.take("a", Policy("write", 5, 3600.0)).remaining == 4


async def test_none_is_given_twice(two: tuple[RedisBuckets, RedisBuckets]) -> None:
    policy = Policy("many", 100, 3600.0)
    with ThreadPoolExecutor(8) as pool:
        threads = [
            pool.submit(lambda: sum(two[1].take("a", policy).allowed for _ in range(20))) for _ in range(8)
        ]
        soon = await asyncio.gather(*(two[0].take_soon("a", policy) for _ in range(80)))
        given = sum(one.allowed for one in soon) + sum(one.result() for one in threads)
    assert given == 100


async def test_tokens_come_back_and_full_buckets_vanish(
    two: tuple[RedisBuckets, RedisBuckets], server: RedisServer
) -> None:
    buckets = two[0]
    assert [buckets.take("a", QUICK).allowed for _ in range(3)] == [True, True, False]
    async with asyncio.timeout(10):
        while not buckets.take("a", QUICK).allowed:
            await asyncio.sleep(0.02)
        while buckets.link.call(lambda client: client.keys("*")):
            await asyncio.sleep(0.05)


async def test_memory_and_redis_say_the_same(two: tuple[RedisBuckets, RedisBuckets]) -> None:
    policy = Policy("odd", 7, 3600.0)
    memory = MemoryBuckets(lambda: 0.0)
    for _ in range(9):
        here, there = memory.take("a", policy), two[0].take("a", policy)
        assert (here.allowed, here.remaining) == (there.allowed, there.remaining)
        assert here.wait_s == pytest.approx(there.wait_s, abs=5)


async def test_nobodys_name_stands_there_and_platforms_do_not_mix(
    two: tuple[RedisBuckets, RedisBuckets], server: RedisServer
) -> None:
    two[0].take("ann@example.org", FIVE)
    keys = two[0].link.call(lambda client: client.keys("*"))
    assert len(keys) == 1
    assert b"ann" not in keys[0]
    other = RedisBuckets(RedisLink(server.url), MemoryBuckets(time.monotonic), "another token")
    assert other.take("ann@example.org", FIVE).remaining == 4
    await other.aclose()


async def test_an_emptied_server_begins_anew(
    two: tuple[RedisBuckets, RedisBuckets], server: RedisServer
) -> None:
    for _ in range(5):
        two[0].take("a", FIVE)
    server.flush()
    assert two[0].take("a", FIVE).allowed


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_while_it_is_away_each_gateway_counts_for_itself(how: str) -> None:
    with redis() as own:
        buckets = RedisBuckets(RedisLink(own.url), MemoryBuckets(time.monotonic), "token")
        assert buckets.take("a", FIVE).remaining == 4
        own.kill() if how == "killed" else own.signal(signal.SIGSTOP)
        began = time.monotonic()
        said = [await buckets.take_soon("a", FIVE) for _ in range(6)] + [buckets.take("a", FIVE)]
        assert [one.allowed for one in said] == [True] * 5 + [False] * 2
        assert not buckets.peek("a", FIVE).allowed
        assert time.monotonic() - began < 5, "not each of them waits for it"
        own.start() if how == "killed" else own.signal(signal.SIGCONT)
        async with asyncio.timeout(30):
            while not (await buckets.take_soon("back", FIVE)).allowed or not buckets.link.reading.closed:
                await asyncio.sleep(0.05)
        await buckets.aclose()
