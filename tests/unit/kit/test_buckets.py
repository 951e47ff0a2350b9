from __future__ import annotations

import threading

import pytest

from tensorfleet.kit.buckets import MemoryBuckets, Policy, take, taken

FIVE = Policy("read", 5, 10.0)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_quota_is_there_at_once_and_comes_back_steadily(time: Time) -> None:
    buckets = MemoryBuckets(time)

    first = [buckets.take("a", FIVE) for _ in range(6)]
    assert [one.allowed for one in first] == [True] * 5 + [False]
    assert [one.remaining for one in first] == [4, 3, 2, 1, 0, 0]
    assert first[5].wait_s == pytest.approx(2.0)
    assert first[5].full_in_s == pytest.approx(10.0)

    time.now += 1.99
    assert not buckets.take("a", FIVE).allowed
    time.now += 0.02
    assert buckets.take("a", FIVE).allowed
    assert not buckets.take("a", FIVE).allowed


def test_a_refusal_costs_nothing_and_an_old_bucket_is_not_more_than_full(time: Time) -> None:
    buckets = MemoryBuckets(time)
    for _ in range(100):
        buckets.take("a", FIVE)
    time.now += 10.0
    assert buckets.take("a", FIVE).remaining == 4
    time.now += 1e9
    assert buckets.take("a", FIVE).remaining == 4


def test_keys_do_not_share(time: Time) -> None:
    buckets = MemoryBuckets(time)
    for _ in range(6):
        buckets.take("a", FIVE)
    assert buckets.take("b", FIVE).allowed


def test_looking_takes_nothing(time: Time) -> None:
    buckets = MemoryBuckets(time)
    for _ in range(20):
        assert buckets.peek("a", FIVE).allowed
    assert len(buckets) == 0
    for _ in range(5):
        buckets.take("a", FIVE)
    assert not buckets.peek("a", FIVE).allowed


@pytest.mark.parametrize("quota", [1, 3, 7, 3600, 6000, 99_991])
def test_sums_of_small_durations_refuse_nobody(quota: int) -> None:
    policy, behind_s, given = Policy("x", quota, 60.0), 0.0, 0
    while True:
        said, behind_s = take(behind_s, policy)
        if not said.allowed:
            break
        given += 1
        assert said.remaining == quota - given
    assert given == quota


def test_what_is_said_never_is_below_nothing() -> None:
    assert taken(True, 10.5, FIVE).remaining == 0
    assert taken(False, 7.0, FIVE).wait_s == 0.0


def test_too_many_keys_are_forgotten_full_ones_first(time: Time) -> None:
    buckets = MemoryBuckets(time, most=100)
    for number in range(50):
        buckets.take(f"old {number}", FIVE)
    time.now += 5.0  # these are full again
    for number in range(60):
        buckets.take(f"new {number}", FIVE)
    assert len(buckets) == 60
    for number in range(1000):
        buckets.take(f"more {number}", FIVE)
    assert len(buckets) <= 100
    assert buckets.peek("more 999", FIVE).remaining == 3, "the latest are still counted"


def test_threads_do_not_take_a_token_twice(time: Time) -> None:
    buckets, policy, given = MemoryBuckets(time), Policy("x", 1000, 1e9), []

    def run() -> None:
        given.append(sum(buckets.take("a", policy).allowed for _ in range(500)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(given) == 1000
