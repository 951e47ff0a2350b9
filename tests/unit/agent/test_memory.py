"""The curve of a task's memory, and what is measured of real processes."""

from __future__ import annotations

import os
import random
import time

import pytest

from tensorfleet.agent.memory import MOST_POINTS, Curve, TaskMemory, measured, system_kills


@pytest.mark.parametrize("count", [0, 1, 59, 60, 61, 1000, 12_345])
def test_a_curve_stays_small_and_keeps_its_peak(count: int) -> None:
    source = random.Random(count)
    curve = Curve()
    added = [(number / 4, source.randrange(10**9)) for number in range(count)]
    for at_s, used in added:
        curve.add(at_s, used)
    assert len(curve.points) <= MOST_POINTS
    assert curve.points == sorted(curve.points)
    assert set(curve.points) <= set(added), "each point was really measured"
    assert curve.peak == max((used for _, used in added), default=0)
    assert count < MOST_POINTS or len(curve.points) >= MOST_POINTS // 2 - 1
    assert not added or curve.peak in {used for _, used in curve.points}


def test_shared_pages_count_once() -> None:
    held = bytearray(b"x") * (64 * 1024**2)
    wake, go = os.pipe()
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            os.close(go)
            os.read(wake, 1)
            os._exit(0)
        children.append(pid)
    try:
        memory = TaskMemory()
        memory.family = [os.getpid(), *children]
        together = measured(memory, time.monotonic())
        memory.family = [os.getpid()]
        memory.shared = 1.0
        alone = measured(memory, time.monotonic())
        assert alone > len(held)
        assert together < alone * 1.5, "five processes, but one holds it all"
    finally:
        os.close(go)
        os.close(wake)
        for pid in children:
            os.waitpid(pid, 0)


def test_the_long_way_is_not_taken_all_the_time() -> None:
    memory = TaskMemory(limit=1)
    memory.family = [os.getpid()]
    now = time.monotonic()
    measured(memory, now)
    assert memory.exact_at > now
    memory.shared = 0.5
    measured(memory, now)
    assert memory.shared == 0.5, "the last measure holds until it is time again"


def test_processes_that_are_gone_hold_nothing() -> None:
    memory = TaskMemory()
    memory.family = [2**22 + 1, 2**22 + 2]
    assert measured(memory, 0.0) == 0


def test_the_system_s_kills_only_grow() -> None:
    first = system_kills()
    assert all(after >= before >= 0 for before, after in zip(first, system_kills(), strict=True))
    assert not TaskMemory().killed_by_system()
