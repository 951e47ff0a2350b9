"""Gradients of ranks that run on one machine are averaged in memory that they share, instead of over loopback sockets.

A hook of DistributedDataParallel for CPUs.  The buckets in which DDP collects gradients are moved to shared memory and stay
there, so nothing is copied to bring them to the other ranks.  When a rank's last bucket is full the ranks meet, each averages
its part of every bucket and writes it to all ranks' buckets, and they meet again.  An element is averaged by one rank, in the
order of the ranks: all end with the same bits, whatever came first.

TENSORFLEET_REDUCE=gloo switches it off.
"""

from __future__ import annotations

import contextlib
import functools
import math
import sys
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.training import shared_agreement
from tensorfleet.training.shared_agreement import Circle

if TYPE_CHECKING:
    import torch
    from torch._C._distributed_c10d import GradBucket
    from torch.nn.parallel import DistributedDataParallel

_CHUNK = 1 << 18
"""Elements that are averaged at a time: what is read, added up and written again stays in the core's cache."""
_ALIGNED = 64
"""A part begins at a multiple of so many elements: no two ranks write to one line of the cache."""
_SPARE_BYTES = 8 * 1024**2
_NARROW = ("torch.bfloat16", "torch.float16")


@dataclass
class _Bucket:
    """A bucket in shared memory: this rank's, and of all ranks' the part that this rank averages, in chunks."""

    mine: torch.Tensor
    chunks: list[list[torch.Tensor]]


class SharedReduce:
    """One DDP model's gradients, on one rank."""

    def __init__(self, circle: Circle) -> None:
        self._circle = circle
        self._rank, self._size = circle.rank, circle.size
        self._layout: list[tuple[int, str]] = []
        self._buckets: list[_Bucket] = []
        self._waiting: list[tuple[torch.Tensor, torch.futures.Future[torch.Tensor]]] = []
        self.in_use = True

    def __getstate__(self) -> dict[str, Any]:
        return {}  # a model that is pickled or copied leaves its place among the ranks behind

    def bucket_is_full(self, bucket: GradBucket) -> torch.futures.Future[torch.Tensor]:
        """Takes the next bucket; with the last one all are averaged, and the futures of all are done."""
        import torch

        if not self.in_use:
            return _over_gloo(self._circle, bucket)
        if bucket.index() == 0:
            self._waiting = []
        future: torch.futures.Future[torch.Tensor] = torch.futures.Future()
        self._waiting.append((bucket.buffer(), future))
        if bucket.is_last():
            waiting, self._waiting = self._waiting, []
            with torch.no_grad():
                self._average([buffer for buffer, _ in waiting])
            for buffer, done in waiting:
                done.set_result(buffer)
        return future

    def _average(self, buffers: list[torch.Tensor]) -> None:
        layout = [(buffer.numel(), str(buffer.dtype)) for buffer in buffers]
        if layout != self._layout:
            problem = self._move_in(buffers)
            if problem:
                self._leave(problem, buffers)
                return
            self._layout = layout
        elsewhere = [
            (bucket.mine, buffer)
            for bucket, buffer in zip(self._buckets, buffers, strict=True)
            if bucket.mine.data_ptr() != buffer.data_ptr()
        ]
        for mine, buffer in elsewhere:
            mine.copy_(buffer)
        moved = self._circle.turns.meet(int(bool(elsewhere)))
        for bucket in self._buckets:
            for parts in bucket.chunks:
                _average_parts(parts)
        self._circle.turns.meet()
        for mine, buffer in elsewhere:
            buffer.copy_(mine)
        if all(moved):
            # DDP has made new buckets of the same sizes.  (One rank alone brings others in `model.join()`, after its end.)
            self._layout = []

    def _move_in(self, buffers: list[torch.Tensor]) -> str:
        """Moves the buckets to shared memory and finds those of the other ranks; what was in the way on any, if anything."""
        import torch

        sizes = [buffer.untyped_storage().nbytes() for buffer in buffers]
        room = shared_agreement.room() >= self._size * sum(sizes) + _SPARE_BYTES
        mine = torch.full((len(buffers), 2), -1, dtype=torch.int64)
        with contextlib.suppress(RuntimeError, OSError):
            for number, buffer in enumerate(buffers if room else []):
                # In place: DDP's own views of the bucket see it there.  The file has no name any more when this returns.
                mine[number, 0] = buffer.untyped_storage()._share_fd_cpu_()[0]
                mine[number, 1] = int(buffer.storage_offset()) * buffer.element_size()
        found = self._circle.all_gather(mine)
        if any(bool((one < 0).any()) for one in found):
            return f"no room for {self._size} times {sum(sizes) / 1e6:.1f} MB in {shared_agreement.SHM}"
        opened = None
        with contextlib.suppress(OSError, ValueError):
            opened = [self._open(number, buffer, found) for number, buffer in enumerate(buffers)]
        if not self._circle.all_agree(opened is not None):
            return "the memory of another rank cannot be opened"
        self._buckets = opened or []
        return ""

    def _open(self, number: int, buffer: torch.Tensor, found: list[torch.Tensor]) -> _Bucket:
        import torch

        everybody = []
        for rank, pid in enumerate(self._circle.pids):
            descriptor, offset = (int(value) for value in found[rank][number])
            if rank == self._rank:
                everybody.append(buffer)
                continue
            memory = shared_agreement.map_of(pid, descriptor, offset + buffer.nbytes)
            everybody.append(
                torch.frombuffer(memory, dtype=buffer.dtype, count=buffer.numel(), offset=offset)
            )
        begin, end = part_of(self._rank, self._size, buffer.numel())
        starts = range(begin, end, _CHUNK)
        return _Bucket(
            buffer, [[one[start : min(start + _CHUNK, end)] for one in everybody] for start in starts]
        )

    def _leave(self, problem: str, buffers: list[torch.Tensor]) -> None:
        import torch.distributed as dist

        self.in_use = False
        self._circle.tell(problem)
        for buffer in buffers:
            buffer.div_(self._size)
            dist.all_reduce(buffer, group=self._circle.group)


def part_of(rank: int, size: int, numel: int) -> tuple[int, int]:
    """The elements that a rank averages: all ranks' parts are disjoint and cover the bucket; some may be empty."""
    share = math.ceil(numel / size / _ALIGNED) * _ALIGNED
    return min(numel, rank * share), min(numel, (rank + 1) * share)


def _average_parts(parts: list[torch.Tensor]) -> None:
    """Leaves the average of the parts in each of them.  Sums are in float32 at least."""
    first, *others = parts
    narrow = str(first.dtype) in _NARROW
    total = first.float() if narrow else first
    for other in others:
        total.add_(other)
    # Added up first, then scaled: each of the two rounds in one way only.  Scaled while it is added, the last elements of a
    # chunk may round in another way than the rest, and where chunks end changes when a job is resumed.
    total.mul_(1 / len(parts))
    for part in parts if narrow else others:
        part.copy_(total)


def _reduce_bucket(state, bucket):  # type: ignore[no-untyped-def]  # DDP compares annotations, and would take strings for wrong
    return state.bucket_is_full(bucket)


def fast_reduce(model: DistributedDataParallel) -> bool:
    """Has the model average its gradients in shared memory, where that is possible; every rank has to call it.

    Returns:
        Whether it does.  Where ranks are on several machines, on GPUs, or have a hook of their own, all stays as it was.
    """
    if model in _made:
        _engage(model)
    elif (reduce := agree(model)) is not None:
        _register(model, reduce)
    return any(hook is _reduce_bucket for hook, _ in model._comm_hooks)


def agree(model: DistributedDataParallel) -> SharedReduce | None:
    """What all ranks will use, or None on all of them; they ask each other in here."""
    circle = shared_agreement.agree(model)
    return SharedReduce(circle) if circle is not None else None


def data_parallel(network: torch.nn.Module) -> DistributedDataParallel:
    """The network as a DDP model of all ranks; its gradients need no copy out of the buckets."""
    from torch.nn.parallel import DistributedDataParallel

    model = DistributedDataParallel(network, gradient_as_bucket_view=True)
    fast_reduce(model)
    return model


def _over_gloo(circle: Circle, bucket: GradBucket) -> torch.futures.Future[torch.Tensor]:
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

    return allreduce_hook(circle.group, bucket)


def _register(model: DistributedDataParallel, reduce: SharedReduce) -> None:
    if model._comm_hooks:
        return
    try:
        model.register_comm_hook(reduce, _reduce_bucket)
    except RuntimeError:  # there is one of C++, of which the model did not tell
        model._comm_hooks.clear()


# ---- scripts that make DDP models themselves -------------------------------------------------------------------------

_made: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""Models that have agreed and were not trained yet: what they will use, and the handle of the hook that waits for it."""
_installed = False


def install() -> None:
    """From now on every DDP model that is made in this process uses shared memory where it can.

    The ranks agree while the model is made, where they all are.  The hook waits until the model is first trained: a hook of the
    script's own comes first.
    """
    global _installed
    parallel = sys.modules.get("torch.nn.parallel.distributed")
    if parallel is None or _installed:
        return
    _installed = True
    build = parallel.DistributedDataParallel.__init__

    @functools.wraps(build)
    def build_and_agree(model: Any, *arguments: Any, **options: Any) -> None:
        build(model, *arguments, **options)
        reduce = agree(model)
        if reduce is not None:
            _made[model] = (reduce, model.register_forward_pre_hook(_before_forward))

    parallel.DistributedDataParallel.__init__ = build_and_agree


def _before_forward(model: Any, _inputs: Any) -> None:
    import torch

    if model.training and torch.is_grad_enabled() and not torch.compiler.is_compiling():
        _engage(model)


def _engage(model: Any) -> None:
    reduce, handle = _made.pop(model, (None, None))
    if reduce is not None:
        handle.remove()
        _register(model, reduce)
