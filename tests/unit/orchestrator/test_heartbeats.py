"""Whether an orchestrator that hangs is seen from outside."""

from __future__ import annotations

import asyncio

from tensorfleet.orchestrator.main import STUCK_S, Pulse


async def test_a_loop_that_turns_lives_and_one_that_hangs_does_not() -> None:
    now = 100.0
    pulse = Pulse(lambda: now)
    now += 10 * STUCK_S
    assert pulse.lives, "while it starts, it may wait for its database"
    pulse.serves = True
    assert not pulse.lives
    beating = asyncio.create_task(pulse.beat())
    await asyncio.sleep(0)
    assert pulse.lives
    now += STUCK_S
    assert not pulse.lives
    beating.cancel()
