"""Ranks of one job as processes of their own, without a platform."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tensorfleet.testing.servers import free_ports

_RUN = (
    "import sys; from pathlib import Path; from tensorfleet.training.run import run_task;"
    " sys.exit(run_task(Path(sys.argv[1])))"
)


def rank_environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What the agent puts into the environment of a rank, on one machine."""
    ranks = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
    }
    where = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return os.environ | ranks | where


def run_ranks(commands: Sequence[Sequence[str]], limit_s: float = 90.0) -> list[int]:
    """Starts one process per rank and waits for all; returns their exit codes.  None is left behind.

    Raises:
        subprocess.TimeoutExpired: one takes longer.
    """
    (port,) = free_ports(1)
    ranks = [
        subprocess.Popen(command, env=rank_environment(rank, len(commands), port))
        for rank, command in enumerate(commands)
    ]
    try:
        return [process.wait(limit_s) for process in ranks]
    finally:
        for process in ranks:
            process.kill()
            process.wait()


def run_tasks(folders: Sequence[Path]) -> list[int]:
    """Runs the task of each rank, as `write_task` has left it; returns their exit codes."""
    return run_ranks([[sys.executable, "-c", _RUN, str(folder)] for folder in folders])
