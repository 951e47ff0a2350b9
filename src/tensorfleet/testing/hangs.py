"""Training scripts that stop getting on in the ways in which real ones do, on the rank and at the step that a test names."""

from __future__ import annotations

KINDS = ("missing collective", "deadlocked data loader", "sleeping rank", "stuck download")
CULPRIT_LINES = {
    "missing collective": "dist.barrier()",
    "deadlocked data loader": "for batch in loader:",
    "sleeping rank": "time.sleep(3600)",
    "stuck download": "urllib.request.urlopen(url).read()",
}
"""The source line at which the rank at fault stands; a kind's name is the parameter `kind` of the script."""

SCRIPT = '''
import os
import socket
import threading
import time
import urllib.request
from pathlib import Path

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, Dataset

from tensorfleet import train

params = train.params()
hung_before = Path(params["marker"]).exists()
LOCK = threading.Lock()


class Rows(Dataset):
    """Its worker process takes a lock twice when it reads the row on which the test wants it to stop."""

    def __len__(self):
        return params["steps"]

    def __getitem__(self, index):
        if params["kind"] == "deadlocked data loader" and index == params["step"] - 1 and hangs_here():
            LOCK.acquire()
            LOCK.acquire()
        return torch.ones(4) * index


def hangs_here():
    if hung_before or train.rank() != params["rank"]:
        return False
    Path(params["marker"]).write_text(str(time.time()))
    return True


def download():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections and never says a word
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights"
        urllib.request.urlopen(url).read()


def step_of(number, weights, batch):
    time.sleep(params["pace_s"])  # the work of a step
    hangs = number == params["step"] and params["kind"] != "deadlocked data loader" and hangs_here()
    if hangs and params["kind"] == "sleeping rank":
        time.sleep(3600)
    if hangs and params["kind"] == "stuck download":
        download()
    gradient = batch.mean(dim=0)
    if not (hangs and params["kind"] == "missing collective"):
        dist.all_reduce(gradient)
    dist.barrier()
    return weights - 0.01 * gradient


def main():
    dist.init_process_group("gloo")
    saved = train.restore() or {"step": 0, "weights": torch.zeros(4)}
    weights, number = saved["weights"], saved["step"]
    loader = DataLoader(Rows(), batch_size=1, num_workers=1 if params["kind"] == "deadlocked data loader" else 0)
    for batch in loader:
        if batch[0, 0] < number:
            continue
        number += 1
        weights = step_of(number, weights, batch)
        train.report(step=number, loss=1.0 / number)
        if number % 5 == 0:
            train.save({"step": number, "weights": weights}, step=number)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
'''


def parameters(
    kind: str, marker: str, *, rank: int = 1, step: int = 8, steps: int = 20, pace_s: float = 0.05
) -> dict[str, object]:
    """The script's hyperparameters.  The rank writes the time to `marker` when it stops; later attempts run through."""
    return {"kind": kind, "marker": marker, "rank": rank, "step": step, "steps": steps, "pace_s": pace_s}
