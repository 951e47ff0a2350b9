"""A DDP training script whose computing is a sleep: `scaling_train.py OUT STEPS STEP_S BYTES SAVE_EVERY [--bare] [--gloo]`.

Each step sleeps STEP_S, and averages BYTES of gradients over all ranks through DDP.  Rank 0 leaves the end of each step in OUT.
Without `--bare` every rank reports each step and every SAVE_EVERY-th is saved, as users of TensorFleet do.  Gradients go through
the memory that the ranks share, as every DDP model's do under TensorFleet; with `--gloo` over gloo's sockets.
"""

import argparse
import json
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from tensorfleet import train

WIDTH = 256


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("step_s", type=float)
    parser.add_argument("bytes", type=int)
    parser.add_argument("save_every", type=int)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--gloo", action="store_true")
    given = parser.parse_args()
    if given.gloo:
        os.environ["TENSORFLEET_REDUCE"] = "gloo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    model = DistributedDataParallel(torch.nn.Linear(given.bytes // (4 * WIDTH), WIDTH, bias=False))
    if given.bare and not given.gloo:
        train.fast_reduce(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = torch.rand(1, given.bytes // (4 * WIDTH))
    ends = []
    for step in range(given.steps):
        time.sleep(given.step_s)
        optimizer.zero_grad()
        loss = model(inputs).square().mean()
        loss.backward()
        optimizer.step()
        ends.append(time.time())
        if not given.bare:
            train.report(step=step, loss=loss.item())
            if (step + 1) % given.save_every == 0:
                train.save({"model": model.state_dict(), "step": step})
    dist.barrier()
    if os.environ["RANK"] == "0":
        (given.out / "ends.json").write_text(json.dumps(ends))
    del model  # a reducer that outlives its group can block for ever
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
