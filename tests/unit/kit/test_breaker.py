from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.kit.breaker import Breaker, BreakerOpen, BreakerState

START = datetime(2026, 3, 4, tzinfo=UTC)


class Time:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker(is_away, time, failures=3, first_s=1.0, most_s=8.0, chance=lambda: 0.0)


def is_away(error: BaseException) -> bool:
    return isinstance(error, ConnectionError)


def fail(breaker: Breaker, error: BaseException | None = None) -> None:
    with pytest.raises(type(error) if error else ConnectionError), breaker.guard():
        raise error or ConnectionError("no route")


def succeed(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def open_it(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker)


def test_it_opens_after_failures_in_a_row_and_says_since_when_and_why(breaker: Breaker, time: Time) -> None:
    fail(breaker)
    time.go(5)
    succeed(breaker)
    for _ in range(2):
        time.go(1)
        fail(breaker)
    assert breaker.reading.closed
    fail(breaker, ConnectionError("the last straw"))
    reading = breaker.reading
    assert (reading.state, reading.last_error) == (BreakerState.OPEN, "the last straw")
    assert reading.since == START + timedelta(seconds=6), "the first failure of the row"
    assert reading.next_try_at == START + timedelta(seconds=8)


def test_while_open_nothing_is_called(breaker: Breaker, time: Time) -> None:
    open_it(breaker)
    time.go(0.99)
    called = []
    with pytest.raises(BreakerOpen, match="no route"), breaker.guard():
        called.append(1)
    assert called == []


def test_one_tries_and_the_others_are_still_refused(breaker: Breaker, time: Time) -> None:
    open_it(breaker)
    time.go(1)
    with breaker.guard():
        assert breaker.reading.state is BreakerState.HALF_OPEN
        with pytest.raises(BreakerOpen):
            succeed(breaker)
    assert breaker.reading.closed
    assert breaker.reading.since == time.now, "well again since now"
    succeed(breaker)


def test_each_failed_try_waits_longer_up_to_the_most_and_success_starts_anew(
    breaker: Breaker, time: Time
) -> None:
    open_it(breaker)
    waits = []
    for _ in range(6):
        next_try_at = breaker.reading.next_try_at
        assert next_try_at is not None
        waits.append((next_try_at - time.now).total_seconds())
        time.now = next_try_at
        fail(breaker)
    assert waits == [1, 2, 4, 8, 8, 8]
    assert breaker.reading.since == START
    time.go(8)
    succeed(breaker)
    open_it(breaker)
    assert breaker.reading.next_try_at == time.now + timedelta(seconds=1)


def test_delays_are_shortened_by_chance(time: Time) -> None:
    for chance, expected_s in ((0.0, 10), (0.5, 7.5), (1.0, 5)):
        breaker = Breaker(is_away, time, failures=1, first_s=10, chance=lambda chance=chance: chance)
        fail(breaker)
        assert breaker.reading.next_try_at == time.now + timedelta(seconds=expected_s)


def test_an_answer_that_is_an_error_is_an_answer(breaker: Breaker, time: Time) -> None:
    fail(breaker)
    fail(breaker)
    fail(breaker, KeyError("no such thing"))
    fail(breaker)
    assert breaker.reading.closed
    fail(breaker)
    fail(breaker)
    assert not breaker.reading.closed
    time.go(1)
    fail(breaker, KeyError("no such thing"))
    assert breaker.reading.closed, "it is there again"


def test_a_try_that_never_comes_back_does_not_shut_everybody_out(breaker: Breaker, time: Time) -> None:
    open_it(breaker)
    time.go(1)
    breaker.enter()
    time.go(0.9)
    with pytest.raises(BreakerOpen):
        breaker.enter()
    time.go(0.1)
    succeed(breaker)
    assert breaker.reading.closed


def test_a_cancelled_call_says_nothing(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    fail(breaker, KeyboardInterrupt())
    fail(breaker)
    assert breaker.reading.state is BreakerState.OPEN


def test_calls_from_before_it_opened_do_not_make_it_wait_longer(breaker: Breaker) -> None:
    open_it(breaker)
    before = breaker.reading.next_try_at
    for _ in range(5):
        breaker.failed("a call that took its time")
    assert breaker.reading.next_try_at == before
    assert breaker.reading.last_error == "a call that took its time"


def test_of_many_threads_exactly_one_tries(breaker: Breaker, time: Time) -> None:
    open_it(breaker)
    time.go(1)
    together = threading.Barrier(8)
    let_in: list[int] = []

    def ask(number: int) -> None:
        together.wait(10)
        try:
            breaker.enter()
        except BreakerOpen:
            return
        let_in.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(let_in) == 1


def test_it_is_free_while_the_thing_is_used(breaker: Breaker) -> None:
    """Two slow calls at the same time: a lock held around the call would keep the second one out."""
    together = threading.Barrier(2)

    def use() -> None:
        with breaker.guard():
            together.wait(10)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not together.broken
