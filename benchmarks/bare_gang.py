"""The limit of a gang: a process that has imported torch forks the ranks of a script, as `torchrun` would start them.

Answers each line on stdin, `[ranks, script, argument, ...]` as JSON, with the seconds from the first fork to the last end.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from functools import partial

from benchmarks.bare_fork import forked, free_port


def be_rank(rank: int, ranks: int, port: int, script: str, arguments: list[str]) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


def main() -> None:
    from tensorfleet.training.template_imports import warm_imports

    warm_imports()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        ranks, script, *arguments = json.loads(line)
        port = free_port()
        works = [partial(be_rank, rank, ranks, port, script, arguments) for rank in range(ranks)]
        print(json.dumps(forked(*works)), flush=True)


if __name__ == "__main__":
    main()
