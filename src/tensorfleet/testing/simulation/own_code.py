"""A job's script, acted out by a real process: what `tensorfleet chaos` uploads as the code of its jobs."""

from __future__ import annotations

import os
import signal
import time

from tensorfleet import train
from tensorfleet.errors import DataInvalid
from tensorfleet.testing.simulation.script import Script, log_line, values_at


def main() -> None:
    """Line by line, metric by metric, until the script ends it; goes on from the newest checkpoint."""
    script = Script.of(train.params())
    attempt = int(os.environ.get("TENSORFLEET_ATTEMPT") or _attempt())
    saved = train.restore()
    step = int(saved["step"]) if saved else 0
    while True:
        _end(script, attempt, step)
        if step >= script.steps:
            return
        time.sleep(script.step_s)
        step += 1
        print(log_line(step, train.rank()), end="", flush=True)
        if train.rank() == 0:
            train.report(step=step, **values_at(step))
            if script.saves(step):
                train.save({"step": step}, step=step)


def _attempt() -> int:
    from tensorfleet.training.session import current

    return current().context.attempt


def _end(script: Script, attempt: int, step: int) -> None:
    if script.dies(attempt, step):
        os.kill(os.getpid(), signal.SIGKILL)
    if script.fails(step):
        raise {"out_of_memory": MemoryError, "data": DataInvalid}.get(script.end, ValueError)(
            "the script says so"
        )


if __name__ == "__main__":
    main()
