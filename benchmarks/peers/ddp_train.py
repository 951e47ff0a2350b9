"""A training script as people write them for torchrun; it knows nothing of TensorFleet.

`ddp_train.py NET OUT [--gate N]`: times blocks of steps of NET (`mlp` or `cnn`) on random rows, and leaves the seconds in OUT.
Without torchrun's variables it trains alone; with `--gate` it begins when N processes are there.
"""

import argparse
import json
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from torch.nn.parallel import DistributedDataParallel

BATCH = 256
WARM, BLOCKS, STEPS = 10, 8, 8


def build(net: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if net == "mlp":
        return Sequential(Linear(784, 1024), ReLU(), Linear(1024, 1024), ReLU(), Linear(1024, 10))
    first, second = Conv2d(1, 16, 3), Conv2d(16, 32, 3)
    pool = MaxPool2d(2)
    return Sequential(first, ReLU(), pool, second, ReLU(), pool, Flatten(), Linear(32 * 25, 10))


def rows(net: str) -> tuple[torch.Tensor, torch.Tensor]:
    shape = (784,) if net == "mlp" else (1, 28, 28)
    return torch.rand(BATCH, *shape), torch.randint(0, 10, (BATCH,))


def measure(model: torch.nn.Module, net: str) -> list[float]:
    """Seconds of each block of steps."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, labels = rows(net)

    def steps(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
        return time.perf_counter() - began

    steps(WARM)
    return [steps(STEPS) for _ in range(BLOCKS)]


def keep(out: Path, name: str, seconds: list[float]) -> None:
    (out / f"{name}.json").write_text(json.dumps({"samples": BATCH * STEPS, "seconds": seconds}))


def wait_for(count: int, out: Path) -> None:
    (out / f"{os.getpid()}.here").touch()
    while len(list(out.glob("*.here"))) < count:
        time.sleep(0.001)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("net")
    parser.add_argument("out", type=Path)
    parser.add_argument("--gate", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = build(given.net)
    if "RANK" not in os.environ:
        wait_for(given.gate, given.out)
        keep(given.out, str(os.getpid()), measure(model, given.net))
        return
    dist.init_process_group("gloo")
    model = DistributedDataParallel(model)
    keep(given.out, os.environ["RANK"], measure(model, given.net))
    dist.barrier()
    del model  # a reducer that outlives its group can block for ever
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
