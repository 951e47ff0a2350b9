"""When a task counts as hung, with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tensorfleet.agent.watch import Activity, Signs, Watch

LOOK_S = 0.25


class Observed:
    """A task and its watch: the test says what the task does while time passes."""

    def __init__(self, after_s: float | None) -> None:
        self.now = 1000.0
        self.beats, self.beat_at, self.step = 0, 0.0, -1
        self.written = 0
        self.cpu_s = 3.0
        self.moved = 0
        self.watch = Watch(after_s, self.now)
        self.told: list[float] = []

    def beat(self, step: int = -1) -> None:
        self.beats, self.beat_at = self.beats + 1, self.now
        self.step = max(self.step, step)

    def look(self, wants: bool = False) -> None:
        activity = Activity(self.cpu_s, self.moved, wants) if self.watch.wants_activity else None
        self.watch.look(Signs(self.beats, self.beat_at, self.step, self.written, activity), self.now)
        if self.watch.due(self.now):
            self.told.append(self.now)

    def pass_time(self, seconds: float, doing: Callable[[], None] = lambda: None, **look: bool) -> None:
        for _ in range(round(seconds / LOOK_S)):
            self.now += LOOK_S
            doing()
            self.look(**look)

    def step_each(self, pace_s: float, steps: int) -> None:
        for _ in range(steps):
            self.pass_time(pace_s)
            self.beat(self.step + 1)
        self.look()

    def compute(self, share: float) -> Callable[[], None]:
        def burn() -> None:
            self.cpu_s += share * LOOK_S

        return burn


def test_a_limit_holds_from_the_last_beat() -> None:
    task = Observed(after_s=2)
    task.step_each(0.5, 4)
    stood_from = task.now
    task.pass_time(4)
    assert task.told == [stood_from + 2]


def test_a_limit_holds_from_the_start_when_nothing_beats() -> None:
    task = Observed(after_s=2)
    task.pass_time(4)
    assert task.told == [1002]


def test_a_limit_does_not_run_while_a_task_gets_ready() -> None:
    task = Observed(after_s=2)
    task.pass_time(8, task.compute(1.0))
    assert not task.told
    stood_from = task.now
    task.pass_time(4)
    assert len(task.told) == 1
    assert 2 <= task.told[0] - stood_from <= 2.5


@pytest.mark.parametrize("sign", ["log", "disk", "queue for a core"])
def test_other_signs_of_life_before_the_first_beat(sign: str) -> None:
    task = Observed(after_s=2)

    def live() -> None:
        if sign == "log":
            task.written += 1
        elif sign == "disk":
            task.moved += 50_000

    task.pass_time(8, live, wants=sign == "queue for a core")
    assert not task.told
    task.pass_time(4)
    assert len(task.told) == 1


def test_once_there_are_beats_the_owners_limit_asks_for_beats() -> None:
    task = Observed(after_s=2)
    task.step_each(0.5, 4)

    def busy() -> None:
        task.cpu_s += LOOK_S
        task.written += 100

    stood_from = task.now
    task.pass_time(3, busy)
    assert task.told == [stood_from + 2]


def test_slow_and_uneven_steps_are_alive() -> None:
    task = Observed(after_s=None)
    for pace_s in (1.0, 1.0, 1.0, 5.0, 1.0, 25.0, 1.0):
        task.step_each(pace_s, 1)
    assert not task.told


def test_without_a_limit_ten_times_the_usual_pace_counts() -> None:
    task = Observed(after_s=None)
    task.step_each(6.0, 5)
    assert task.watch.usual_s == 6.0
    stood_from = task.now
    task.pass_time(70)
    assert task.told == [stood_from + 60]


def test_without_a_limit_half_a_minute_counts_at_a_quick_pace() -> None:
    task = Observed(after_s=None)
    task.step_each(0.5, 10)
    stood_from = task.now
    task.pass_time(40)
    assert task.told == [stood_from + 30]


def test_many_beats_between_two_looks_make_a_quick_pace() -> None:
    task = Observed(after_s=None)
    task.beat(step=0)
    task.look()
    for _ in range(10):
        task.pass_time(LOOK_S, lambda: [task.beat(step=1) for _ in range(5)] and None)
    assert task.watch.usual_s == pytest.approx(LOOK_S / 5)


def test_a_long_evaluation_is_no_hang_without_a_limit() -> None:
    task = Observed(after_s=None)
    task.step_each(0.5, 10)
    task.pass_time(3600, task.compute(0.9))
    assert not task.told
    stood_from = task.now
    task.pass_time(45)
    assert len(task.told) == 1
    assert 30 <= task.told[0] - stood_from <= 34


def test_a_thread_that_looks_on_is_no_sign_of_life() -> None:
    task = Observed(after_s=None)
    task.step_each(0.5, 10)
    task.pass_time(40, task.compute(0.05))
    assert len(task.told) == 1


def test_two_beats_are_no_pace() -> None:
    task = Observed(after_s=None)
    task.step_each(0.5, 2)
    task.pass_time(300)
    assert not task.told


def test_code_that_never_beats_has_ten_minutes_without_any_sign() -> None:
    task = Observed(after_s=None)
    task.pass_time(3600, task.compute(0.05))
    assert not task.told
    stood_from = task.now
    task.pass_time(599)
    assert not task.told
    task.pass_time(10)
    assert len(task.told) == 1
    assert 600 <= task.told[0] - stood_from <= 606


def test_the_pace_of_a_download_says_nothing_about_steps() -> None:
    task = Observed(after_s=None)
    task.pass_time(5, task.beat)
    assert task.watch.usual_s == LOOK_S
    task.beat(step=0)
    task.pass_time(50)
    assert not task.told


def test_a_stall_is_told_again_while_it_lasts_and_forgotten_when_it_ends() -> None:
    task = Observed(after_s=6)
    task.step_each(0.5, 4)
    stood_from = task.now
    task.pass_time(20)
    assert task.told == [stood_from + 6, stood_from + 12, stood_from + 18]
    task.step_each(0.5, 2)
    stood_from = task.now
    task.pass_time(7)
    assert task.told[3:] == [stood_from + 6]


def test_after_the_watcher_stood_still_the_limit_begins_anew() -> None:
    task = Observed(after_s=2)
    task.step_each(0.5, 4)
    task.pass_time(1.5)
    task.now += 3600  # the agent, and perhaps the whole machine, was stopped
    task.look()
    resumed = task.now
    task.pass_time(1.75)
    assert not task.told
    task.pass_time(1)
    assert task.told == [resumed + 2]


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -5.0, 1e300])
def test_a_torn_time_of_a_beat_is_not_believed(at: float) -> None:
    task = Observed(after_s=2)
    task.pass_time(1)
    task.beats, task.beat_at = 1, at
    task.look()
    stood_from = task.now
    task.pass_time(3)
    assert task.told == [stood_from + 2]


def test_a_standing_tells_what_was_seen() -> None:
    task = Observed(after_s=60)
    task.step_each(0.5, 4)
    task.pass_time(3)
    standing = task.watch.standing(task.now)
    assert (standing.beats, standing.step, standing.limit_s, standing.stalled) == (4, 3, 60, False)
    assert (standing.idle_s, standing.quiet_s, standing.usual_s) == (3, 3, 0.5)
