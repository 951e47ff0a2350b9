"""Ranks for the tests of shared_reduce: one process imports torch once and forks the ranks of one run after the other.

A line on stdin, `{"play": name, "ranks": count, "folder": path, ...}`, is one run; the answer is a list of exit codes.  What a
rank found it leaves in `<folder>/<rank>.json`.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from tensorfleet.training import lazy_dynamo, shared_agreement, shared_reduce, shared_turns

Found = dict[str, Any]


def network(dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(33, 70), torch.nn.Tanh(), torch.nn.Linear(70, 41), torch.nn.Linear(41, 3)]
    return torch.nn.Sequential(*layers).to(dtype)


def model(dtype: torch.dtype = torch.float32, **options: Any) -> DistributedDataParallel:
    """In several buckets, of which DDP makes others after the first step."""
    return DistributedDataParallel(network(dtype), bucket_cap_mb=0.01, **options)


def step(of: torch.nn.Module, number: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """The gradients of one step on rows of this rank's own."""
    of.zero_grad()
    torch.manual_seed(100 * number + dist.get_rank())
    of(torch.randn(8, 33, dtype=dtype)).pow(2).mean().backward()
    return [parameter.grad.clone() for parameter in of.parameters()]


def digest(gradients: list[torch.Tensor]) -> str:
    return hashlib.sha256(b"".join(one.double().numpy().tobytes() for one in gradients)).hexdigest()


def difference(some: list[torch.Tensor], others: list[torch.Tensor]) -> float:
    """The largest one, in parts of the largest gradient."""
    pairs = list(zip(some, others, strict=True))
    return max(float((a.double() - b.double()).abs().max() / b.double().abs().max()) for a, b in pairs)


def train(order: Found) -> Found:
    """The same steps by shared memory and by gloo."""
    dtype, view = getattr(torch, order["dtype"]), order.get("view", False)
    ours, theirs = (
        model(dtype, gradient_as_bucket_view=view),
        model(dtype, gradient_as_bucket_view=view),
    )
    found: Found = {"used": shared_reduce.fast_reduce(ours), "digests": [], "differences": []}
    delays = random.Random(f"{order.get('delays')} {dist.get_rank()}")
    for number in range(6):
        time.sleep(delays.uniform(0, 0.01))
        gradients = step(ours, number, dtype)
        found["digests"].append(digest(gradients))
        found["differences"].append(difference(gradients, step(theirs, number, dtype)))
    found["in_use"] = ours._comm_hooks[0][1].in_use
    return found


def accumulate(order: Found) -> Found:
    ours, theirs = model(gradient_as_bucket_view=True), model()
    shared_reduce.fast_reduce(ours)
    for one in (ours, theirs):
        for number in range(3):
            torch.manual_seed(number * 10 + dist.get_rank())
            with one.no_sync() if number < 2 else contextlib.nullcontext():
                one(torch.randn(8, 33)).sum().backward()
    gradients = [[parameter.grad for parameter in one.parameters()] for one in (ours, theirs)]
    return {"differences": [difference(*gradients)]}


def uneven(order: Found) -> Found:
    """Ranks with more steps go on with those that have ended."""
    ours = model()
    used = shared_reduce.fast_reduce(ours)
    with ours.join():
        for number in range(3 + 2 * dist.get_rank()):
            gradients = step(ours, number)
    return {"used": used, "digest": digest(gradients)}


def die(order: Found) -> Found:
    ours = model()
    shared_reduce.fast_reduce(ours)
    shared_turns.GONE_GRACE_S = 0.1
    settle(ours)
    if dist.get_rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return failing(ours)


def late(order: Found) -> Found:
    """One rank does not come in time; one that is not waited for by name learns it as well."""
    ours = model()
    shared_reduce.fast_reduce(ours)
    settle(ours)
    ours._comm_hooks[0][1]._circle.turns._limit_s = 0.3 if dist.get_rank() == 0 else 60.0
    if dist.get_rank() == 1:
        while not (Path(order["folder"]) / "0.json").exists():
            time.sleep(0.01)
    return failing(ours)


def settle(ours: torch.nn.Module) -> None:
    """Steps after which DDP itself says nothing more to the other ranks: its buckets are as they stay."""
    for number in range(3):
        step(ours, number)


def failing(ours: torch.nn.Module) -> Found:
    began = os.times()
    try:
        step(ours, 3)
    except Exception as error:
        used = os.times()
        return {
            "error": type(error).__name__, "message": str(error),
            "busy_s": used.user + used.system - began.user - began.system,
        }  # fmt: skip
    return {"error": ""}


def no_room(order: Found) -> Found:
    if dist.get_rank() == 0:
        shared_agreement.room = lambda: 0
    return train(order)


def hidden(order: Found) -> Found:
    """One rank cannot open what another shows it."""
    if dist.get_rank() == 1:
        shared_agreement.map_of = lambda *about: (_ for _ in ()).throw(PermissionError("not yours"))
    return {"used": shared_reduce.fast_reduce(model())}


def elsewhere(order: Found) -> Found:
    """Ranks of different machines."""
    here = shared_agreement._here()
    shared_agreement._here = lambda: [here[0] + dist.get_rank(), *here[1:]]
    return {"used": shared_reduce.fast_reduce(model())}


def own_script(order: Found) -> Found:
    """Models that a script makes itself, as it runs under the platform."""
    shared_reduce.install()
    shared_reduce.install()
    plain, copied, hooked, builtin = model(), model(), model(), model()
    builtin._register_builtin_comm_hook(dist.BuiltinCommHookType.ALLREDUCE)
    calls = []

    def own(state, bucket):  # type: ignore[no-untyped-def]  # DDP compares annotations
        calls.append(bucket.index())
        return allreduce_hook(state, bucket)

    hooked.register_comm_hook(dist.group.WORLD, own)
    if dist.get_rank() == 0:  # looks at its model alone, before training
        with torch.no_grad():
            plain.eval()(torch.zeros(1, 33))
            plain.train()
    before = len(plain._comm_hooks)
    gradients = [step(one, 1) for one in (plain, hooked)]
    copy.deepcopy(copied.module)
    torch.save(plain, io.BytesIO())
    return {
        "before": before, "after": len(plain._comm_hooks), "hooks": len(plain._forward_pre_hooks),
        "own": bool(calls) and len(hooked._comm_hooks) == 1, "differences": [difference(*gradients)],
        "told": shared_reduce.fast_reduce(copied), "not told": shared_reduce.fast_reduce(hooked),
        "builtin": shared_reduce.fast_reduce(builtin),
    }  # fmt: skip


def switched_off(order: Found) -> Found:
    os.environ[shared_agreement.SWITCH] = "gloo"
    return {"used": shared_reduce.fast_reduce(model())}


def stand(order: Found) -> Found:
    """Trains, says so, and waits to be killed."""
    ours = model()
    shared_reduce.fast_reduce(ours)
    settle(ours)
    (Path(order["folder"]) / f"stands-{dist.get_rank()}").touch()
    time.sleep(60)
    return {}


def rank_of(number: int, order: Found) -> None:
    folder = Path(order["folder"])
    sys.stdout = sys.stderr = (folder / f"{number}.log").open("w", buffering=1)
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), order["ranks"])
    dist.init_process_group("gloo", store=store, rank=number, world_size=order["ranks"])
    found = globals()[order["play"]](order)
    temporary = folder / f"{number}.tmp"
    temporary.write_text(json.dumps(found))
    temporary.rename(folder / f"{number}.json")
    if "error" not in found:
        dist.barrier()


def main() -> None:
    lazy_dynamo.install()()
    for line in sys.stdin:
        order, pids = json.loads(line), {}
        for number in range(order["ranks"]):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    rank_of(number, order)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            pids[pid] = number
        (Path(order["folder"]) / "pids").write_text(json.dumps(sorted(pids)))
        codes = dict(os.wait() for _ in pids)
        print(json.dumps([os.waitstatus_to_exitcode(codes[pid]) for pid in pids]), flush=True)


if __name__ == "__main__":
    main()
