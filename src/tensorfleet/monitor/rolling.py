"""Rolls metrics up beside the tracking writer, in a thread of its own.

Nobody leads: of two monitors that roll up the same stretch of the log one is refused, and goes on behind it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from tensorfleet.errors import TensorFleetError
from tensorfleet.series.rolling import Rolling

LOOK_S = 1.0
BUSY_S = 0.01
MOST_S = 30.0
log = structlog.get_logger(__name__)


@contextmanager
def running(rolling: Rolling) -> Iterator[None]:
    """Follows the log while the body runs."""
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(rolling, stop), name="rolling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5.0)  # longer than a segment takes; what is not written now the next one writes


def _run(rolling: Rolling, stop: threading.Event) -> None:
    pause_s = BUSY_S
    while not stop.wait(pause_s):
        try:
            pause_s = BUSY_S if rolling.once() else LOOK_S
        except TensorFleetError as error:  # the database is away
            pause_s = min(MOST_S, max(LOOK_S, pause_s * 2))
            log.warning("metrics wait to be rolled up", problem=error.detail, again_in_s=pause_s)
        except Exception:
            pause_s = MOST_S
            log.exception("metrics wait to be rolled up")
