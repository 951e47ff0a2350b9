"""Training as it really runs: ranks as processes over gloo, MLflow as the reader, code run by hand."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tensorfleet.testing.frames import csv_bytes, parquet_bytes, sample_frame
from tensorfleet.testing.ranks import rank_environment, run_ranks, run_tasks
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.models import load_model
from tensorfleet.training.run import run_task


def _train(folder: Path, world_size: int = 2, **task) -> list[Path]:
    folders = [write_task(folder, rank=rank, world_size=world_size, **task) for rank in range(world_size)]
    assert run_tasks(folders) == [0] * world_size
    return folders


def test_digits_on_two_ranks(tmp_path):
    first, second = _train(
        tmp_path, data=parquet_bytes(sample_frame("digits")), data_format="parquet", algorithm="mlp"
    )
    outcome = read_outcome(first)
    assert outcome["metrics"]["accuracy"] >= 0.95
    assert len(read_records(first, "metrics")) == 20
    other = read_outcome(second)
    assert [other[name] for name in ("status", "metrics", "evaluation", "model")] == [
        "succeeded",
        {},
        {},
        None,
    ]
    assert read_records(second, "metrics") == []


STEPS = """
import sys
import torch
from tensorfleet.training import distributed, neural_steps, networks
from tensorfleet.training.algorithms.neural import MlpParams
from tensorfleet.training.optimizing import Optimizer
from tensorfleet.training.context import TaskContext
from pathlib import Path

rank = int(__import__("os").environ["RANK"])
context = TaskContext(Path("."), "j", rank, 2, "", Path("."))
torch.manual_seed(rank)  # DDP itself must make the ranks equal
network = networks.mlp(4, [8], 3, 0.0)
x, y = torch.randn(101, 4, generator=torch.Generator().manual_seed(1)), torch.arange(101) % 3
seen = []
with distributed.process_group(context, distributed.open_store(context)):
    model = torch.nn.parallel.DistributedDataParallel(network)
    optimizer = Optimizer(network, MlpParams(), torch.device("cpu"))
    batches = neural_steps.epoch_batches(101, rank, 2, seed=7, epoch=1, batch_size=10)
    before = torch.cat([p.detach().flatten() for p in network.parameters()])
    for step, batch in enumerate(batches):
        neural_steps.train_step(model, optimizer, torch.nn.functional.cross_entropy, x[batch], y[batch])
        weights = torch.cat([p.detach().flatten() for p in network.parameters()])
        everyone = [torch.empty_like(weights) for _ in range(2)]
        torch.distributed.all_gather(everyone, weights)
        assert torch.equal(everyone[0], everyone[1]), "the ranks' weights differ"
        assert not torch.equal(before, weights), "a step changed nothing"
        before = weights
    assert step == 5
    shards = [None, None]
    torch.distributed.all_gather_object(shards, torch.cat(batches).tolist())
    assert not set(shards[0]) & set(shards[1]), "the shards overlap"
    assert sorted(shards[0] + shards[1]) == list(range(101)), "the shards do not cover the rows"
"""


def test_after_each_step_weights_are_equal_while_shards_differ():
    assert run_ranks([[sys.executable, "-c", STEPS]] * 2) == [0, 0]


def test_resuming_two_ranks_ends_with_the_same_weights(tmp_path):
    data = csv_bytes(sample_frame("iris"))
    hyper = {"epochs": 4, "dropout": 0.3, "hidden": [16]}
    whole = _train(tmp_path / "whole", data=data, algorithm="mlp", hyperparameters=hyper)
    halves = tmp_path / "halves"
    stopped = _train(halves, data=data, algorithm="mlp", hyperparameters=hyper | {"epochs": 2})
    saved = read_records(stopped[0], "checkpoint")[-1]
    resumed = _train(halves, data=data, algorithm="mlp", hyperparameters=hyper, attempt=2, resume=saved)
    assert [record["step"] for record in read_records(resumed[0], "metrics")] == [3, 4]
    weights = [
        (model_folder(folder, read_outcome(tasks[0])) / "weights.safetensors").read_bytes()
        for folder, tasks in ((tmp_path / "whole", whole), (halves, resumed))
    ]
    assert weights[0] == weights[1]


def _flowers() -> pl.DataFrame:
    names = ["setosa", "versicolor", "virginica"]
    frame = sample_frame("iris")
    kind = [names[k] for k in frame["target"]]
    gappy = [None if i % 9 == 0 else name[:2] for i, name in enumerate(kind)]
    return frame.drop("target").with_columns(pl.Series("letters", gappy), pl.Series("species", kind))


@pytest.mark.filterwarnings("ignore")  # MLflow's own
@pytest.mark.parametrize("algorithm", ["logistic_regression", "random_forest", "gradient_boosting", "mlp"])
@pytest.mark.parametrize("columns", ["numbers", "mixed"])
def test_mlflow_loads_and_predicts(tmp_path, algorithm, columns):
    import mlflow.pyfunc

    frame = _flowers() if columns == "mixed" else _flowers().drop("letters")
    task = write_task(tmp_path, data=csv_bytes(frame), algorithm=algorithm, target_column="species")
    assert run_task(task) == 0
    folder = model_folder(tmp_path, read_outcome(task))
    features = frame.drop("species")
    loaded = mlflow.pyfunc.load_model(str(folder))
    assert list(loaded.predict(features.to_pandas())) == load_model(folder).predict(features).tolist()
    assert loaded.metadata.signature.inputs.input_names() == features.columns
    example = mlflow.models.Model.load(str(folder)).load_input_example(str(folder))
    assert len(loaded.predict(example)) == len(example) == 5
    assert not list(folder.rglob("*.pkl"))


@pytest.mark.filterwarnings("ignore")  # MLflow's own
@pytest.mark.parametrize("algorithm", ["kmeans", "dbscan", "pca", "isolation_forest"])
def test_mlflow_loads_what_needs_no_target(tmp_path, algorithm):
    import mlflow.pyfunc

    frame = _flowers()
    task = write_task(tmp_path, data=csv_bytes(frame), algorithm=algorithm, target_column="species")
    assert run_task(task) == 0
    folder = model_folder(tmp_path, read_outcome(task))
    features = frame.drop("species")
    loaded = mlflow.pyfunc.load_model(str(folder))
    assert (loaded.predict(features.to_pandas()) == load_model(folder).predict(features)).all()
    assert loaded.metadata.signature.inputs.input_names() == features.columns


SCRIPT = """
from tensorfleet import train
import tensorfleet.train
state = train.restore() or {"epoch": 0}
shard = train.dataset()
for epoch in range(state["epoch"] + 1, train.params().get("epochs", 2) + 1):
    train.report(step=epoch, rows=len(shard))
    train.save({"epoch": epoch}, step=epoch)
"""


def test_a_script_runs_by_hand_and_goes_on_where_it_was(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "own.csv").write_text("x,y\n1,2\n3,4\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TENSORFLEET")} | {
        "TENSORFLEET_DATASET": "own.csv"
    }

    def run(**extra: str) -> str:
        command = [sys.executable, "train.py"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment | extra, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run() == "step 1  rows 2\nstep 2  rows 2\n"
    assert run(TENSORFLEET_PARAMS='{"epochs": 3}', TENSORFLEET_DATASET="iris") == "step 3  rows 150\n"
    ranks = {"RANK": "1", "WORLD_SIZE": "2", "TENSORFLEET_PARAMS": '{"epochs": 4}'}
    assert run(**ranks) == ""


def test_a_forked_child_of_the_warm_template_trains(tmp_path):
    task = write_task(tmp_path, data=csv_bytes(sample_frame("iris")), algorithm="logistic_regression")
    code = (
        "import os, sys; from pathlib import Path; from tensorfleet.training.template_imports import warm_imports, KEPT_OUT;"
        "warm_imports(); assert not set(KEPT_OUT) & set(sys.modules); pid = os.fork();\n"
        "if pid == 0:\n"
        "    from tensorfleet.training.run import run_task\n"
        "    os._exit(run_task(Path(sys.argv[1])))\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(task)], check=True, timeout=90, env=rank_environment(0, 1, 0)
    )
    assert read_outcome(task)["status"] == "succeeded"
