"""The same training on Ray Train with two workers: `ddp_ray.py NET OUT`."""

import os
import sys
from pathlib import Path

import ray
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model


def loop(config: dict[str, str]) -> None:
    import torch
    from ddp_train import build, keep, measure

    torch.set_num_threads(1)
    model = prepare_model(build(config["net"]))
    rank = ray.train.get_context().get_world_rank()
    keep(Path(config["out"]), str(rank), measure(model, config["net"]))


if __name__ == "__main__":
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=150_000_000)
    TorchTrainer(
        loop,
        train_loop_config={"net": sys.argv[1], "out": sys.argv[2]},
        scaling_config=ScalingConfig(num_workers=2),
        run_config=RunConfig(storage_path=os.environ["RAY_TMPDIR"]),
    ).fit()
    ray.shutdown()
