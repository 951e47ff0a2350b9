"""Out of memory, on the machine or on a GPU: which it was, and how much was used."""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorfleet.training.context import TaskContext

_GPU_SIGNS = ("CUDA out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
_HOST_SIGNS = ("can't allocate memory", "Cannot allocate memory", "std::bad_alloc")


def ran_out(error: BaseException) -> str | None:
    """`gpu` or `host` when the error says that memory ran out there, else None."""
    text = str(error)
    if type(error).__name__ == "OutOfMemoryError" or any(sign in text for sign in _GPU_SIGNS):
        return "gpu"
    if isinstance(error, MemoryError) or any(sign in text for sign in _HOST_SIGNS):
        return "host"
    return None


def evidence(where: str, context: TaskContext) -> dict[str, Any]:
    """What was measured on this rank."""
    peak, limit = _gpu() if where == "gpu" else _host(context)
    return {"where": where, "rank": context.rank, "limit_bytes": limit, "peak_bytes": peak, "curve": []}


def sentence(found: dict[str, Any], less: str) -> str:
    """What happened and what to do; `less` is how this training would need less."""
    place = "the GPU of rank" if found["where"] == "gpu" else "rank"
    limit = f" of {_shown(found['limit_bytes'])}" if found["limit_bytes"] else ""
    more = "take a GPU with more memory" if found["where"] == "gpu" else "ask for more with resources.memory"
    return f"memory ran out on {place} {found['rank']} (at most {_shown(found['peak_bytes'])}{limit} was used); {less}, or {more}"


def _gpu() -> tuple[int, int | None]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return 0, None
    device = torch.cuda.current_device()
    return int(torch.cuda.max_memory_allocated(device)), int(torch.cuda.mem_get_info(device)[1])


def _host(context: TaskContext) -> tuple[int, int | None]:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    asked = (context.spec.get("resources") or {}).get("memory")
    return peak, int(asked) if asked else None


def _shown(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
