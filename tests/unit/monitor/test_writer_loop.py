from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tensorfleet.errors import Unavailable
from tensorfleet.monitor.drain import Drain
from tensorfleet.monitor.wake import SOCKET_NAME, wake_monitor
from tensorfleet.monitor.writer import Bell, follow, run


class ScriptedDrain:
    """Answers with the given counts or errors, then with 0 for ever."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)

    def once(self) -> int:
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer


class RecordingBell:
    """Notes the waits instead of waiting; its clock goes by what was waited for."""

    def __init__(self, stop_after: int = 1000) -> None:
        self.waits: list[tuple[float, bool]] = []
        self.now = 0.0
        self.stop_after = stop_after

    @property
    def stopped(self) -> bool:
        return len(self.waits) >= self.stop_after

    def wait(self, seconds: float, *, heed_nudges: bool = True) -> None:
        self.waits.append((seconds, heed_nudges))
        self.now += seconds


class ScriptedHealth:
    """Says for how long MLflow is left alone; notes when it was to tell the others."""

    def __init__(self, left_alone_s: float | None = None) -> None:
        self.left_alone_s = left_alone_s
        self.told = 0

    def pause_s(self) -> float | None:
        return self.left_alone_s

    def tell(self) -> None:
        self.told += 1


def drive(
    drain: ScriptedDrain,
    bell: RecordingBell,
    idle_s: float | None = None,
    health: ScriptedHealth | None = None,
) -> None:
    run(cast("Drain", drain), cast("Any", bell), health or ScriptedHealth(), idle_s, lambda: bell.now)


def test_it_polls_each_second_and_does_not_wait_while_there_is_work() -> None:
    bell = RecordingBell(stop_after=3)
    drive(ScriptedDrain(5, 5, 0, 5), bell)
    assert bell.waits == [(1.0, True)] * 3


def test_an_idle_process_ends() -> None:
    bell = RecordingBell()
    drive(ScriptedDrain(3, 0, 0, 3), bell, idle_s=2.5)
    assert [seconds for seconds, _ in bell.waits] == [1.0, 1.0, 1.0, 1.0, 0.5]


def test_it_backs_off_deaf_to_nudges_up_to_half_a_minute_and_does_not_end() -> None:
    bell = RecordingBell()
    drive(ScriptedDrain(*[Unavailable("MLflow is away")] * 9, 1), bell, idle_s=1.0)
    assert bell.waits[:9] == [(s, False) for s in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0)]
    assert bell.waits[9:] == [(1.0, True)]


def test_it_waits_as_long_as_mlflow_is_left_alone_and_tells_each_time() -> None:
    bell, health = RecordingBell(stop_after=3), ScriptedHealth(7.5)
    drive(ScriptedDrain(*[Unavailable("MLflow is away")] * 3), bell, health=health)
    assert bell.waits == [(7.5, False)] * 3
    assert health.told == 3


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Bell]:
    opened = Bell(tmp_path / "run" / SOCKET_NAME)
    opened.open()
    yield opened
    opened.close()


def test_a_nudge_ends_the_wait_and_many_are_one(bell: Bell, tmp_path: Path) -> None:
    for _ in range(3):
        wake_monitor(tmp_path / "run")
    started = time.monotonic()
    bell.wait(30.0)
    assert time.monotonic() - started < 5
    bell.wait(0.0)


def test_a_stop_ends_a_wait_that_heeds_no_nudges(bell: Bell, tmp_path: Path) -> None:
    wake_monitor(tmp_path / "run")
    stopper = threading.Thread(target=bell.stop)
    started = time.monotonic()
    stopper.start()
    bell.wait(30.0, heed_nudges=False)
    stopper.join()
    assert bell.stopped
    assert time.monotonic() - started < 5


def test_a_socket_left_by_a_killed_writer_is_taken_over(bell: Bell, tmp_path: Path) -> None:
    second = Bell(tmp_path / "run" / SOCKET_NAME)
    second.open()
    wake_monitor(tmp_path / "run")
    second.wait(5.0)
    second.close()


def test_what_came_in_the_moment_of_leaving_is_still_written(bell: Bell, tmp_path: Path) -> None:
    class LateDrain(ScriptedDrain):
        def pending(self) -> bool:
            assert not (tmp_path / "run" / SOCKET_NAME).exists()
            return bool(self.answers)

    drain = LateDrain(0, 5)
    follow(cast("Drain", drain), bell, ScriptedHealth(), 0.0)
    assert drain.answers == []


def test_it_stays_while_somebody_else_needs_the_process() -> None:
    bell, needed = RecordingBell(stop_after=50), [True] * 3

    def stays() -> bool:
        return bool(needed) and needed.pop()

    run(cast("Drain", ScriptedDrain()), cast("Any", bell), ScriptedHealth(), 2.0, lambda: bell.now, stays)

    assert not needed, "it was asked until nobody needed it"
    assert 8.0 <= bell.now < 50.0
