"""Whether one task still gets on, decided from what was seen of it: no input or output, the time is passed in."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

LEAST_AUTO_S = 30.0
USUAL_TIMES = 10.0
NEVER_BEAT_S = 600.0
ENOUGH_BEATS = 3
REMEMBERED = 15
STOOD_STILL_S = 1.0
AGAIN_LEAST_S = 5.0
BUSY = 0.10
"""Share of a core from which on a task that has beaten before is taken to compute, where its owner set no limit."""
BUSY_WITHOUT_BEATS = 0.02
LEAST_CPU_S = 0.02
"""What one tick of the system's clock can feign."""
LEAST_MOVED = 64 * 1024


@dataclass(frozen=True)
class Activity:
    """What the processes of a task have done so far: CPU time, bytes read and written.  `wants` a core or a disk just now."""

    cpu_s: float
    moved: int = 0
    wants: bool = False


@dataclass(frozen=True)
class Signs:
    """What can be seen of a task: its pulse, the bytes of log and records that it wrote, what its processes do."""

    beats: int = 0
    at: float = 0.0
    step: int = -1
    written: int = 0
    activity: Activity | None = None
    """None: not looked at this time."""


@dataclass(frozen=True)
class Standing:
    """How a task stands.  `idle_s` counts from its last beat, `quiet_s` from its last sign of life of any kind."""

    beats: int
    step: int
    idle_s: float
    quiet_s: float
    usual_s: float
    limit_s: float

    @property
    def stalled(self) -> bool:
        return self.quiet_s >= self.limit_s


class Watch:
    """Follows one running task.  `after_s` is the owner's limit; None: it is found from the task's own rhythm.

    Beats are the sign that counts.  Where there are none yet, or no limit was set, output and computing count as well: a long
    evaluation says nothing and is no hang.
    """

    def __init__(self, after_s: float | None, now: float) -> None:
        self._after_s = after_s
        self.limit_is_set = after_s is not None
        self._rhythm: deque[float] = deque(maxlen=REMEMBERED)
        self._last = Signs()
        self._activity: tuple[Activity, float] | None = None
        self._steps_begun = False
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._looked = self._progress_at = self._life_at = now
        self._tell_at: float | None = None
        self._activity = None

    @property
    def wants_activity(self) -> bool:
        """Whether it matters now what the processes do: that costs more to find out than the rest."""
        since = self._activity[1] if self._activity else self._progress_at
        return self._counts_output and self._looked - since >= self._window_s()

    def _window_s(self) -> float:
        return min(5.0, max(0.5, self._limit_s() / 10))

    def look(self, signs: Signs, now: float) -> Standing:
        """Takes in what is seen now; the answer says how the task stands."""
        if now - self._looked > STOOD_STILL_S:
            self._restart(now)  # the watcher itself stood still, and perhaps all of the machine did
        self._looked = now
        if signs.beats != self._last.beats:
            self._count_beats(signs, now)
        elif self._counts_output and signs.written != self._last.written:
            self._life_at = now
        if signs.activity is not None and self._counts_output:
            self._count_activity(signs.activity, now)
        self._last = signs
        return self.standing(now)

    def standing(self, now: float) -> Standing:
        idle_s, quiet_s = (max(0.0, now - since) for since in (self._progress_at, self._life_at))
        return Standing(self._last.beats, self._last.step, idle_s, quiet_s, self.usual_s, self._limit_s())

    def due(self, now: float) -> bool:
        """Whether a stall is to be told now: at once, and again from time to time while it lasts."""
        standing = self.standing(now)
        if not standing.stalled:
            self._tell_at = None
            return False
        if self._tell_at is not None and now < self._tell_at:
            return False
        self._tell_at = now + max(AGAIN_LEAST_S, standing.limit_s)
        return True

    @property
    def usual_s(self) -> float:
        """What lies between two beats as a rule; 0 when there were too few to say."""
        return statistics.median(self._rhythm) if len(self._rhythm) >= ENOUGH_BEATS - 1 else 0.0

    @property
    def _counts_output(self) -> bool:
        return self._after_s is None or self._last.beats == 0

    def _limit_s(self) -> float:
        if self._after_s is not None:
            return self._after_s
        usual_s = self.usual_s
        return max(LEAST_AUTO_S, USUAL_TIMES * usual_s) if usual_s else NEVER_BEAT_S

    def _count_beats(self, signs: Signs, now: float) -> None:
        # The pulse's own time is the finer one; it is read while it is written, so that it is not believed blindly.
        at = signs.at if self._progress_at <= signs.at <= now else now
        if signs.step >= 0 and not self._steps_begun:
            self._steps_begun = True
            self._rhythm.clear()  # chunks of a download say nothing about steps
        elif self._last.beats:
            count = max(1, signs.beats - self._last.beats)
            self._rhythm.extend([(at - self._progress_at) / count] * min(count, REMEMBERED // 3))
        self._progress_at = self._life_at = at
        self._activity = None

    def _count_activity(self, found: Activity, now: float) -> None:
        if self._activity is not None:
            before, then = self._activity
            share = BUSY if self._last.beats else BUSY_WITHOUT_BEATS
            computes = found.cpu_s - before.cpu_s >= max(LEAST_CPU_S, share * (now - then))
            if computes or found.moved - before.moved >= LEAST_MOVED or found.wants:
                self._life_at = now
        self._activity = (found, now)
