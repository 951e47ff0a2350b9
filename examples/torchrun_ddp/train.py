"""A script written for torchrun, which knows nothing of TensorFleet: DDP, a DistributedSampler, snapshots to a file.

By hand:       torchrun --standalone --nproc_per_node=2 train.py 30 1
On a fleet:    tensorfleet submit job.yaml --follow

Killed and started again, it goes on from `snapshot.pt`, which it looks for where it runs.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

SNAPSHOT = "snapshot.pt"


def make_data(rows: int) -> TensorDataset:
    """Points of a noisy spiral, [rows, 2], and which of its two arms each lies on, [rows]."""
    generator = torch.Generator().manual_seed(0)
    arm = torch.arange(rows) % 2
    turn = torch.rand(rows, generator=generator) * 9
    angle = turn + arm * torch.pi
    points = torch.stack([turn * angle.cos(), turn * angle.sin()], dim=1) / 9
    return TensorDataset(points + 0.02 * torch.randn(rows, 2, generator=generator), arm)


class Trainer:
    def __init__(self, loader: DataLoader, sampler: DistributedSampler, device: torch.device) -> None:
        self.loader, self.sampler, self.device = loader, sampler, device
        torch.manual_seed(1)
        layers = [nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)]
        self.model = nn.Sequential(*layers).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=3e-3)
        self.epochs_run = 0
        if Path(SNAPSHOT).exists():
            self.load()
        self.ddp = DistributedDataParallel(self.model)

    def load(self) -> None:
        snapshot = torch.load(SNAPSHOT, map_location=self.device)
        self.model.load_state_dict(snapshot["model"])
        self.optimizer.load_state_dict(snapshot["optimizer"])
        self.epochs_run = snapshot["epochs_run"]
        print(f"[rank {dist.get_rank()}] going on from the snapshot, epoch {self.epochs_run}", flush=True)

    def save(self) -> None:
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state | {"epochs_run": self.epochs_run}, SNAPSHOT)

    def run_epoch(self, epoch: int) -> float:
        self.sampler.set_epoch(epoch)
        total = 0.0
        for points, arms in self.loader:
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self.ddp(points.to(self.device)), arms.to(self.device))
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(self.loader)

    def train(self, epochs: int, save_every: int, pause_s: float) -> None:
        for epoch in range(self.epochs_run, epochs):
            loss = self.run_epoch(epoch)
            self.epochs_run = epoch + 1
            if dist.get_rank() == 0:
                print(f"epoch {epoch + 1} loss {loss:.4f}", flush=True)
                if (epoch + 1) % save_every == 0:
                    self.save()
            time.sleep(pause_s)


def main() -> None:
    parser = argparse.ArgumentParser(description="Two arms of a spiral, told apart by all ranks together.")
    parser.add_argument("epochs", type=int)
    parser.add_argument("save_every", type=int, help="epochs between two snapshots")
    parser.add_argument("--batch-size", type=int, default=32, help="rows per rank and step")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to wait after each epoch")
    args = parser.parse_args()

    gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if gpu else "gloo")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if gpu else torch.device("cpu")
    data = make_data(1024)
    sampler = DistributedSampler(data)
    loader = DataLoader(data, batch_size=args.batch_size, sampler=sampler)
    Trainer(loader, sampler, device).train(args.epochs, args.save_every, args.pause)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
