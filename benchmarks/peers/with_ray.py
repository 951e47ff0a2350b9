"""The same on Ray: a job submission by its SDK, and Ray Train with two workers.  Prints seconds as JSON on the last line."""

import json
import sys
import time
from pathlib import Path

import ray
from ray.job_submission import JobStatus, JobSubmissionClient
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model

HERE = Path(__file__).parent


def submit(client: JobSubmissionClient) -> float:
    began = time.perf_counter()
    job = client.submit_job(entrypoint=f"{sys.executable} {HERE / 'iris_fit.py'}")
    while (status := client.get_job_status(job)) not in (
        JobStatus.SUCCEEDED,
        JobStatus.FAILED,
        JobStatus.STOPPED,
    ):
        time.sleep(0.02)
    assert status == JobStatus.SUCCEEDED
    return time.perf_counter() - began


def loop() -> None:
    import torch
    from sklearn.datasets import load_iris

    rank = ray.train.get_context().get_world_rank()
    X, y = load_iris(return_X_y=True)
    inputs, labels = torch.tensor(X[rank::2], dtype=torch.float32), torch.tensor(y[rank::2])
    model = prepare_model(torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for start in range(0, len(inputs), 32):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(
            model(inputs[start : start + 32]), labels[start : start + 32]
        ).backward()
        optimizer.step()


def train(storage: str) -> float:
    began = time.perf_counter()
    TorchTrainer(
        loop, scaling_config=ScalingConfig(num_workers=2), run_config=RunConfig(storage_path=storage)
    ).fit()
    return time.perf_counter() - began


if __name__ == "__main__":
    import os

    rounds = int(sys.argv[1])
    context = ray.init(
        num_cpus=4,
        include_dashboard=True,
        dashboard_host="127.0.0.1",
        dashboard_port=0,
        object_store_memory=150_000_000,
    )
    times = {}
    client = JobSubmissionClient(f"http://{context.address_info['webui_url']}")
    times["Ray job submission (SDK)"] = [submit(client) for _ in range(rounds)]
    times["Ray Train"] = [train(os.environ["RAY_TMPDIR"]) for _ in range(rounds)]
    ray.shutdown()
    print(json.dumps(times))
