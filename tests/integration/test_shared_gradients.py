"""Two ranks of a job average their gradients in shared memory, as the script is, and the hang doctor sees who holds them up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform, wait_until

SCRIPT = """
import sys, time
from pathlib import Path
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from tensorfleet import train

dist.init_process_group("gloo")
model = DistributedDataParallel(torch.nn.Linear(300, 40))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(6):
    if step == train.params().get("hang_at") and train.rank() == 1:
        time.sleep(3600)
    optimizer.zero_grad()
    torch.manual_seed(step + 100 * train.rank())
    model(torch.randn(8, 300)).pow(2).mean().backward()
    optimizer.step()
    train.report(step=step, loss=1.0)
hooks = [hook.__name__ for hook, _ in model._comm_hooks]
shared = sum("/dev/shm/torch_" in line for line in Path("/proc/self/maps").read_text().splitlines())
everybody = [torch.zeros(40, 300) for _ in range(2)]
dist.all_gather(everybody, model.module.weight.detach())
print("hooks", hooks, "shared", shared, "equal", torch.equal(*everybody), flush=True)
dist.barrier()
"""


def submit(platform: Platform, folder: Path, **fields: Any) -> Job:
    (folder / "main.py").write_text(SCRIPT)
    spec = {"name": "shared", "entrypoint": "main.py", "code": str(folder), "resources": {"workers": 2}}
    return platform.client.submit(spec | fields)


def test_a_script_that_makes_a_ddp_model_shares_memory(platform: Platform, tmp_path: Path) -> None:
    job = submit(platform, tmp_path)
    job.wait(90)
    for rank in (0, 1):
        text = "\n".join(line.text for line in job.logs(rank=rank))
        assert "hooks ['_reduce_bucket'] shared 2 equal True" in text, text


def test_the_rank_that_others_wait_for_in_shared_memory_is_named(platform: Platform, tmp_path: Path) -> None:
    job = submit(
        platform,
        tmp_path,
        hyperparameters={"hang_at": 4},
        hang={"after": 2, "action": "stop"},
    )
    wait_until(lambda: job.refresh().ended, "the hang to end the job", 60)
    error = job.data["error"]
    assert error["class"] == "hang", error
    assert error["evidence"]["culprits"] == [1]
    assert "rank 1 made no progress for" in error["message"]
    assert "rank 0 waits for it in" in error["message"]
    (waiting,) = [rank for rank in error["evidence"]["ranks"] if rank["rank"] == 0]
    assert any("training/shared_turns.py" in frame for frame in waiting["stack"]), waiting["stack"]
