"""What a person runs today: torchrun script.py."""

import os

import torch
import torch.distributed as dist
from sklearn.datasets import load_iris
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")
rank = int(os.environ["RANK"])
X, y = load_iris(return_X_y=True)
inputs, labels = torch.tensor(X[rank::2], dtype=torch.float32), torch.tensor(y[rank::2])
model = DistributedDataParallel(
    torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for start in range(0, len(inputs), 32):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(
        model(inputs[start : start + 32]), labels[start : start + 32]
    ).backward()
    optimizer.step()
dist.destroy_process_group()
