"""A task that is asked to stop: by SIGTERM, to be followed at the next step boundary."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Stopped(SystemExit):
    """Training ends here because it was asked to, with its state saved.  Own code should let it pass."""

    def __init__(self, step: int) -> None:
        super().__init__(0)
        self.step = step


class LegEnded(SystemExit):
    """Training ends here because this job has only a part of it to do, and what it stands at is saved."""

    def __init__(self) -> None:
        super().__init__(0)


class StopRequest:
    """Whether this process was asked to stop.

    Until `listen` is called SIGTERM keeps its meaning and ends the process at once: only code that can save itself gets
    the time to do so.
    """

    def __init__(self) -> None:
        self.asked = False
        self._listening = False

    def listen(self) -> None:
        """From now on SIGTERM is a request.  Does nothing outside the main thread, or where the code has its own handler."""
        if self._listening or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return
        try:
            signal.signal(signal.SIGTERM, self._on_signal)
        except ValueError:  # not the main thread
            return
        self._listening = True
        os.register_at_fork(after_in_child=self._in_child)

    def close(self) -> None:
        """Gives SIGTERM its own meaning back."""
        if self._listening:
            self._listening = False
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def _in_child(self) -> None:
        # A pool ends its workers by SIGTERM, and waits for them.
        if self._listening:
            self.close()
