"""The warm template leaves torch's compiler out; tasks that train do not miss it, and tasks that compile get it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WARM = """
import sys
from tensorfleet.training.template_imports import warm_imports
warm_imports()
assert "sympy" not in sys.modules, "the template is as heavy as with the compiler"
import torch
"""
TRAIN = """
import torch.distributed as dist
dist.init_process_group("gloo", init_method="file://{store}", rank=0, world_size=1)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 3))
optimizer = torch.optim.AdamW(model.parameters())
for _ in range(3):
    optimizer.zero_grad()
    model(torch.randn(8, 4)).sum().backward()
    optimizer.step()
    optimizer.state_dict()
assert "sympy" not in sys.modules, "training loaded the compiler"
del model, optimizer
dist.destroy_process_group()
"""
COMPILE = """
model = torch.nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
optimizer.zero_grad()
model(torch.randn(2, 4)).sum().backward()
optimizer.step()
compiled = torch.compile(model, backend="eager")
compiled(torch.randn(2, 4)).sum().backward()
optimizer.step()
import torch._dynamo
assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1, "nothing was compiled"
"""
IMPORT_BELOW = """
import torch._dynamo.config as config
import torch._dynamo as dynamo
assert dynamo.config is config is sys.modules["torch._dynamo.config"]
from torch._dynamo.utils import same
"""


@pytest.mark.parametrize("script", [TRAIN, COMPILE, IMPORT_BELOW], ids=["train", "compile", "import"])
def test_the_compiler_is_there_when_it_is_wanted(script: str, tmp_path) -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if sys.platform == "linux":
        env["GLOO_SOCKET_IFNAME"] = "lo"
    command = [sys.executable, "-c", WARM + script.replace("{store}", str(tmp_path / "store"))]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
