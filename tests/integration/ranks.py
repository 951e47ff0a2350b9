"""Ranks that are forked from a warm process, without a platform."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tensorfleet.testing.ranks import rank_environment
from tensorfleet.testing.servers import free_ports


class WarmRanks:
    """A process that has everything imported and forks the ranks of one run after the other, as an agent's template does."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, folders: Sequence[Path], signals: Mapping[int, tuple[int, int]] | None = None) -> list[int]:
        """Runs the ranks' tasks; returns their exit codes, of those that a signal ended its negative number.

        Args:
            signals: by rank, (step, signal): the rank sends itself the signal when it has done the step.  When one is killed
                the others are killed too, as the platform does.
        """
        (port,) = free_ports(1)
        orders = [
            {
                "folder": str(folder),
                "env": rank_environment(rank, len(folders), port),
                "signal": (signals or {}).get(rank),
            }
            for rank, folder in enumerate(folders)
        ]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes


@contextmanager
def warm_ranks() -> Iterator[WarmRanks]:
    """The process while the block runs."""
    command = [sys.executable, "-m", "tests.integration.ranks"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, text=True, env=env, **pipes) as process:  # type: ignore[call-overload]
        yield WarmRanks(process)
        process.stdin.close()
        process.wait(30)


def _serve() -> None:
    from tensorfleet.training.template_imports import warm_imports

    warm_imports()
    for line in sys.stdin:
        pids = [_fork(order) for order in json.loads(line)]
        codes: dict[int, int] = {}
        while len(codes) < len(pids):
            pid, status = os.wait()
            codes[pid] = os.waitstatus_to_exitcode(status)
            if codes[pid] == -signal.SIGKILL:
                for other in set(pids) - set(codes):
                    os.kill(other, signal.SIGKILL)
        print(json.dumps([codes[pid] for pid in pids]), flush=True)


def _fork(order: dict[str, object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = _become_task(Path(str(order["folder"])), order["env"], order["signal"])
    finally:
        os._exit(code)


def _become_task(folder: Path, env: object, at: object) -> int:
    from tensorfleet.training.run import run_task
    from tensorfleet.training.session import Session

    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(dict(env))  # type: ignore[call-overload]
    beat = Session.beat

    def signalling(self: Session, step: int | None = None) -> None:
        beat(self, step)
        if isinstance(at, list) and step == at[0]:
            os.kill(os.getpid(), at[1])
            # The main thread takes signals, and need not be the one that trains.
            while threading.current_thread() is not threading.main_thread() and not self.stop.asked:
                time.sleep(0.001)

    Session.beat = signalling  # type: ignore[method-assign]
    return run_task(folder)


if __name__ == "__main__":
    _serve()
