"""The limit: a warm process forks, the child does the work and exits.  Prints the times as JSON.

Run as a process of its own, so that it is as warm as the platform's template and nothing else.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from functools import partial


def fit_iris() -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True)
    LogisticRegression(max_iter=1000).fit(X, y)


def train_two(rank: int, port: int) -> None:
    import torch
    import torch.distributed as dist
    from sklearn.datasets import load_iris
    from torch.nn.parallel import DistributedDataParallel

    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    X, y = load_iris(return_X_y=True)
    inputs, labels = torch.tensor(X[rank::2], dtype=torch.float32), torch.tensor(y[rank::2])
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    model = DistributedDataParallel(network)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for start in range(0, len(inputs), 32):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(
            model(inputs[start : start + 32]), labels[start : start + 32]
        ).backward()
        optimizer.step()
    del model, optimizer  # a reducer that outlives its group can block for ever
    dist.destroy_process_group()


def forked(*works: object) -> float:
    """Seconds from the first fork to the end of the last child."""
    began = time.perf_counter()
    pids = []
    for work in works:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work()  # type: ignore[operator]
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        assert status == 0
    return time.perf_counter() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Answers each line on stdin (`one` or `two`) with the seconds of one round, so that rounds can be interleaved."""
    from tensorfleet.training.template_imports import warm_imports

    warm_imports()
    import sklearn.datasets  # noqa: F401 - as warm as the work needs

    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        if line.strip() == "one":
            seconds = forked(fit_iris)
        else:
            port = free_port()
            seconds = forked(partial(train_two, 0, port), partial(train_two, 1, port))
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
