"""How ranks find out whether they can share memory, and where each of them finds that of the others."""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tensorfleet.training import shared_turns
from tensorfleet.training.shared_turns import Turns

if TYPE_CHECKING:
    import torch
    from torch.distributed import ProcessGroup
    from torch.nn.parallel import DistributedDataParallel

SWITCH = "TENSORFLEET_REDUCE"
SHM = "/dev/shm"  # noqa: S108 - asked for its room only
MOST_RANKS = 64
_TOKEN_BYTES = 8
_DTYPES = ("torch.bfloat16", "torch.float16", "torch.float32", "torch.float64")


@dataclass(frozen=True)
class Circle:
    """Ranks of one machine that have found each other, seen from one of them."""

    group: ProcessGroup
    turns: Turns
    pids: list[int]

    @property
    def rank(self) -> int:
        return self.group.rank()

    @property
    def size(self) -> int:
        return self.group.size()

    def all_gather(self, mine: torch.Tensor) -> list[torch.Tensor]:
        """What every rank gave, over gloo."""
        return _all_gather(self.group, mine)

    def all_agree(self, yes: bool) -> bool:
        """Whether it is so on every rank."""
        return _all_agree(self.group, yes)

    def tell(self, problem: str) -> None:
        """Says why gradients go the usual way, once."""
        _tell(self.group, problem)


def agree(model: DistributedDataParallel) -> Circle | None:
    """The ranks of the model's group, where they can share memory; None on all of them where not.

    Every rank has to call it: they answer each other's questions in here.
    """
    if not _wanted(model):
        return None
    group = model.process_group
    size = shared_turns.bytes_for(group.size())
    lines = os.memfd_create("tensorfleet-ranks") if group.rank() == 0 else -1
    try:
        token = secrets.randbits(63)
        if lines >= 0:
            os.ftruncate(lines, size + _TOKEN_BYTES)
            os.pwrite(lines, token.to_bytes(_TOKEN_BYTES, "little"), size)
        return _found(group, lines, token, size)
    finally:
        if lines >= 0:
            os.close(lines)


def _found(group: ProcessGroup, lines: int, token: int, size: int) -> Circle | None:
    import torch

    about = torch.tensor([os.getpid(), lines, token, *_here()])
    everybody = [one.tolist() for one in _all_gather(group, about)]
    if any(one[3:] != everybody[0][3:] for one in everybody):
        return None  # several machines, or containers: what one has to say to the other goes over the network
    pids = [one[0] for one in everybody]
    turns = None
    with contextlib.suppress(OSError, ValueError):
        turns = _join(everybody[0], group, pids, size)
    if not _all_agree(group, turns is not None):
        _tell(group, "one rank may not open the memory of another here")
        return None
    return Circle(group, turns, pids) if turns is not None else None


def _join(first: list[int], group: ProcessGroup, pids: list[int], size: int) -> Turns:
    """This rank's place in the memory that rank 0 has made."""
    import torch

    memory = map_of(pids[0], first[1], size + _TOKEN_BYTES)
    if int.from_bytes(memory[size:], "little") != first[2]:
        raise ValueError("another process has this number here")
    limit = group._get_backend(
        torch.device("cpu")
    ).options._timeout  # what the script gave init_process_group
    return Turns(memory, group.rank(), pids, limit.total_seconds())


def _wanted(model: DistributedDataParallel) -> bool:
    """Whether the model is one for this; the same on all ranks, as they make the same model."""
    import torch

    if os.environ.get(SWITCH) == "gloo" or not shared_turns.supported() or model._comm_hooks:
        return False
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if any(one.device.type != "cpu" or str(one.dtype) not in _DTYPES for one in trained):
        return False
    if any(getattr(module, "sparse", False) for module in model.modules()):
        return False  # their gradients are no buckets
    group = model.process_group
    try:
        gloo = group._get_backend(torch.device("cpu")).name() == "gloo"
    except RuntimeError:  # it has none for CPUs
        return False
    return gloo and 1 < group.size() <= MOST_RANKS


def _here() -> list[int]:
    """Numbers that are the same for processes which see each other by their numbers."""
    try:
        boot = uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).int
        return [boot % 2**62, Path("/proc/self/ns/pid").stat().st_ino, os.getuid()]
    except (OSError, ValueError):
        return [secrets.randbits(62), 0, 0]


def map_of(pid: int, descriptor: int, size: int) -> mmap.mmap:
    """The memory behind another process's file descriptor.

    Raises:
        OSError: the process is gone, or may not be looked at.
        ValueError: there is less of it.
    """
    own = os.open(f"/proc/{pid}/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return mmap.mmap(own, size)
    finally:
        os.close(own)


def room() -> int:
    """Free bytes of shared memory; 0 where there is none."""
    try:
        about = os.statvfs(SHM)
    except OSError:
        return 0
    return about.f_bavail * about.f_frsize


def _all_gather(group: ProcessGroup, mine: torch.Tensor) -> list[torch.Tensor]:
    import torch
    import torch.distributed as dist

    found = [torch.empty_like(mine) for _ in range(group.size())]
    dist.all_gather(found, mine, group=group)
    return found


def _all_agree(group: ProcessGroup, yes: bool) -> bool:
    import torch

    return all(bool(one.item()) for one in _all_gather(group, torch.tensor([int(yes)])))


def _tell(group: ProcessGroup, problem: str) -> None:
    if group.rank() == 0:
        print(f"gradients go over loopback sockets: {problem}", flush=True)
