from __future__ import annotations

import asyncio

import pytest

from tensorfleet.kit.ticks import next_tick, tick_after, until_next_tick


@pytest.mark.parametrize("phase_s", [0.0, 0.1, 321.7])
@pytest.mark.parametrize("now", [0.0, 0.25, 7.1, 9999.99])
def test_ticks_come_after_now_and_not_later_than_a_period(now: float, phase_s: float) -> None:
    at = tick_after(now, 0.25, phase_s)
    assert now < at <= now + 0.25
    assert (at - phase_s) / 0.25 == pytest.approx(round((at - phase_s) / 0.25))


def test_the_ticks_of_a_multiple_are_among_those_of_the_period() -> None:
    at = tick_after(5.3, 1.0, 0.07)
    assert tick_after(at - 0.01, 0.25, 0.07) == pytest.approx(at)


def test_all_loops_of_a_process_have_the_same_ticks() -> None:
    async def asked() -> list[float]:
        found = [next_tick(0.02), next_tick(0.04)]
        await until_next_tick(0.02)
        return [*found, asyncio.get_running_loop().time()]

    short, long, woken = asyncio.run(asked())
    ticks_between = (long - short) / 0.02
    assert ticks_between == pytest.approx(round(ticks_between), abs=1e-6)
    assert woken >= short - 1e-6
