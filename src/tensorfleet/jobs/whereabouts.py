"""What a task is in the middle of, read from the stack of its main thread."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tensorfleet.jobs.stacks import Frame, Process, Report


class Doing(StrEnum):
    """What keeps a task where it stands; the value says it in words, before the place."""

    PEERS = "waits for the other ranks"
    DEVICE = "waits for its device"
    LOADER = "waits for its data loader"
    NETWORK = "waits for the network"
    CHILD = "waits for a process that it started"
    LOCK = "waits for a lock or a queue"
    SLEEP = "sleeps"
    STOPPED = "was stopped by a signal"
    OTHER = "stands"
    UNKNOWN = "stands where nobody could look"


_FILES: tuple[tuple[Doing, re.Pattern[str]], ...] = (
    (Doing.PEERS, re.compile(
        r"torch/distributed/(distributed_c10d|rendezvous|c10d_logger|_functional_collectives|utils|nn/|fsdp/|algorithms/join)"
        r"|torch/nn/parallel/distributed\.py|tensorfleet/training/(distributed|gang|shared_\w+)\.py"
    )),
    (Doing.LOADER, re.compile(r"torch/utils/data/")),
    (Doing.NETWORK, re.compile(
        r"(socket|ssl|ftplib)\.py$|http/client\.py|urllib|requests/|httpx|httpcore|aiohttp|botocore/|boto3/|obstore|fsspec"
        r"|huggingface_hub/|tensorfleet/(objects|adapters)/"
    )),
    (Doing.CHILD, re.compile(r"subprocess\.py$|multiprocessing/(popen|process)")),
    (Doing.LOCK, re.compile(r"(threading|queue)\.py$|multiprocessing/|concurrent/futures/|asyncio/|selectors\.py$")),
)  # fmt: skip
_PEERS = _FILES[0][1]
_BACKWARD = re.compile(r"torch/(autograd/|_tensor\.py)")
_SOURCES: tuple[tuple[Doing, re.Pattern[str]], ...] = (
    (Doing.SLEEP, re.compile(r"\bsleep\(|\bpause\(")),
    (Doing.PEERS, re.compile(r"\.wait\(|\.barrier\(|store\w*\.(get|wait|add)\(|\bTCPStore\(|all_reduce|all_gather")),
    (Doing.DEVICE, re.compile(r"\.item\(|\.cpu\(|\.tolist\(|\.numpy\(|synchronize\(|\.to\(")),
    (Doing.NETWORK, re.compile(r"\.recv\w*\(|\.accept\(|\.connect\(")),
    (Doing.LOCK, re.compile(r"\.acquire\(|\.join\(|\.get\(|\bwith \w*lock", re.IGNORECASE)),
    (Doing.CHILD, re.compile(r"\bwaitpid\(|\bos\.wait\(|\bsystem\(")),
)  # fmt: skip
"""By the source line, where the call goes straight into native code and leaves no frame of its own."""
_SIGNAL_STOPS = ("stopped", "tracing-stop")
_WRAPPERS = ("wrapper", "_wrapped_call", "<lambda>")


@dataclass(frozen=True)
class Whereabouts:
    """`at` is the innermost line of the job's own code, else of the trainer; `within` the library's function called there."""

    doing: Doing
    at: Frame | None = None
    within: str = ""

    @property
    def waits_for_ranks(self) -> bool:
        return self.doing in (Doing.PEERS, Doing.DEVICE)


def whereabouts(report: Report, gang: int) -> Whereabouts:
    """Where the main thread of a rank stands; `gang` is how many ranks the job has."""
    if not report.frames:
        return Whereabouts(Doing.UNKNOWN)
    depth = _own_depth(report.frames)
    at, calls = report.frames[depth], report.frames[:depth]
    doing = _doing(at, calls)
    if doing in (Doing.PEERS, Doing.DEVICE) and gang == 1:
        doing = Doing.OTHER  # there is nobody to wait for
    if report.processes[0].state in _SIGNAL_STOPS:
        doing = Doing.STOPPED
    return Whereabouts(doing, at, _within(doing, calls))


def worker_at(process: Process) -> Frame | None:
    """Where a data loader's worker process stands, in the job's own code if it is there."""
    return process.frames[_own_depth(process.frames)] if process.frames else None


def _own_depth(frames: tuple[Frame, ...]) -> int:
    for own in (lambda frame: frame.own, _is_trainer):
        for depth, frame in enumerate(frames):
            if own(frame):
                return depth
    return 0


def _is_trainer(frame: Frame) -> bool:
    """The platform's own training code, apart from what there serves the ranks' meeting."""
    return frame.file.startswith("tensorfleet/training/") and not _PEERS.search(frame.file)


def _doing(at: Frame, calls: tuple[Frame, ...]) -> Doing:
    for doing, files in _FILES:
        if any(files.search(call.file) for call in calls):
            return doing
    if any(_BACKWARD.search(call.file) for call in calls):
        return Doing.PEERS  # gradients are averaged during the backward pass, by native code
    if not calls:
        for doing, sources in _SOURCES:
            if sources.search(at.source):
                return doing
        if _PEERS.search(at.file):
            return Doing.PEERS
    return Doing.OTHER


def _within(doing: Doing, calls: tuple[Frame, ...]) -> str:
    """The name of the call that the own code made, as its author knows it: the outermost one of the library."""
    names = [call.function.rsplit(".", 1)[-1] for call in calls]
    named = [name for name in names if name not in _WRAPPERS and not name.startswith("<")]
    return named[-1] if named and doing is not Doing.SLEEP else ""
