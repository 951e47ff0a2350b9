"""The ranks of one job as a torch.distributed process group."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch._C._distributed_c10d import Store

    from tensorfleet.training.context import TaskContext

_JOIN_LIMIT = timedelta(minutes=10)


def open_store(context: TaskContext) -> Store | None:
    """The key-value store over which ranks find each other; None for a job of one rank.

    Rank 0 opens it before anything else, so that it answers by the time the others have read their data.  They ask for it
    often at first: torch's own client, once refused, sleeps for up to half a second.
    """
    if context.world_size == 1:
        return None
    from torch._C._distributed_c10d import TCPStore

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    leads = context.rank == 0
    if not leads:
        _wait_for(host, port)
    return TCPStore(host, port, context.world_size, leads, _JOIN_LIMIT, wait_for_workers=False)


def _wait_for(host: str, port: int) -> None:
    deadline = time.monotonic() + _JOIN_LIMIT.total_seconds()
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
            return
        time.sleep(0.005)


@contextmanager
def process_group(context: TaskContext, store: Store | None) -> Iterator[None]:
    """Joins the job's ranks while the block runs; does nothing for a job of one rank."""
    if store is None:
        yield
        return
    import torch.distributed as dist

    _stay_on_loopback()
    backend = "nccl" if device(context).type == "cuda" else "gloo"
    dist.init_process_group(
        backend, store=store, rank=context.rank, world_size=context.world_size, timeout=_JOIN_LIMIT
    )
    yield
    # A rank that leaves early, rank 0 with its store above all, would fail those that are still at work.
    dist.barrier()
    # Only here, where no DDP model is left: a reducer that outlives its group joins the group's threads while it holds the
    # interpreter's lock, and never returns.  After an error the traceback keeps the model, and the process ends anyway.
    dist.destroy_process_group()


def device(context: TaskContext) -> torch.device:
    """The GPU of this rank when the job asked for one, else the CPU."""
    import torch

    wants_gpu = float((context.spec.get("resources") or {}).get("gpus") or 0) > 0
    if not wants_gpu or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def default_store() -> Store | None:
    """The store at which own code's ranks met, when it has called `init_process_group`."""
    dist = _initialized()
    if dist is None:
        return None
    store: Store = dist.distributed_c10d._get_default_store()
    return store


def on_any_rank(flag: bool) -> bool:
    """Whether `flag` is set on one rank at least of the process group; on this one alone where there is none."""
    dist = _initialized()
    if dist is None or dist.get_world_size() == 1:
        return flag
    import torch

    where = "cuda" if dist.get_backend() == "nccl" else "cpu"
    found = torch.tensor([int(flag)], dtype=torch.int32, device=where)
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return bool(found.item())


def _initialized() -> Any:
    dist = sys.modules.get("torch.distributed")
    ready = dist is not None and dist.is_available() and dist.is_initialized()
    return dist if ready else None


def _stay_on_loopback() -> None:
    """Without this gloo looks the machine's own name up, which fails or waits where that has no address."""
    if os.environ.get("MASTER_ADDR") not in ("127.0.0.1", "localhost", "::1"):
        return
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    if loopback:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
