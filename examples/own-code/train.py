"""Softmax regression in NumPy: the same file runs under a fleet and by hand.

Under a fleet: `tensorfleet submit job.yaml --follow`.  By hand: `TENSORFLEET_DATASET=wine python train.py`.
Kill it in the middle and start it again: it goes on from the last epoch that it saved.
"""

from __future__ import annotations

import numpy as np

from tensorfleet import train

params = {"epochs": 30, "learning_rate": 0.05} | train.params()

X, y = train.dataset().xy()
X = (X - X.mean(axis=0)) / X.std(axis=0)
classes, labels = np.unique(y, return_inverse=True)
truth = np.eye(len(classes))[labels]

state = train.restore() or {"epoch": 0, "weights": np.zeros((X.shape[1], len(classes)))}
weights = state["weights"]
if state["epoch"]:
    print(f"going on after epoch {state['epoch']}", flush=True)

for epoch in range(state["epoch"] + 1, params["epochs"] + 1):
    scores = X @ weights
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances = odds / odds.sum(axis=1, keepdims=True)
    weights = weights - params["learning_rate"] * X.T @ (chances - truth) / len(X)

    loss = -np.log(chances[np.arange(len(X)), labels]).mean()
    train.report(step=epoch, loss=loss, accuracy=(scores.argmax(axis=1) == labels).mean())
    train.progress(epoch / params["epochs"])
    train.save({"epoch": epoch, "weights": weights}, step=epoch)

print(f"done: loss {loss:.4f}", flush=True)
