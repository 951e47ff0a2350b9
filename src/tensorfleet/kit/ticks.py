"""Ticks of one process: loops that sleep until the next one wake up together, once for all that is due."""

from __future__ import annotations

import asyncio
import os

_SPREAD_S = 0.0137
"""Between the ticks of two processes that were started one after the other."""


def tick_after(now: float, period_s: float, phase_s: float) -> float:
    """The first of the instants `period_s` apart that comes after `now`; those of a multiple of the period are among them."""
    return now + period_s - (now - phase_s) % period_s


def next_tick(period_s: float) -> float:
    """This process's next tick, as its event loop counts time; other processes have theirs at other instants."""
    return tick_after(asyncio.get_running_loop().time(), period_s, os.getpid() * _SPREAD_S)


async def until_next_tick(period_s: float) -> None:
    await asyncio.sleep(next_tick(period_s) - asyncio.get_running_loop().time())
