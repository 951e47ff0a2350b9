"""What training code calls; the same under a fleet and when run by hand (`python train.py`).

By hand, parameters come from TENSORFLEET_PARAMS (JSON), the dataset from TENSORFLEET_DATASET (a path, or a
sample such as `iris`), and what is written goes to the folder `.tensorfleet` where the code runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorfleet.training import session as _session

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch.nn.parallel import DistributedDataParallel

    from tensorfleet.training.shard import Shard

__all__ = [
    "dataset",
    "fast_reduce",
    "params",
    "phase",
    "progress",
    "rank",
    "report",
    "restore",
    "save",
    "should_stop",
    "step",
    "world_size",
]


def params() -> dict[str, Any]:
    """The job's hyperparameters; an empty dict when there are none."""
    return _session.current().context.hyperparameters


def dataset() -> Shard:
    """This rank's rows of the dataset: `dataset().to_polars()`, `.to_pandas()`, `.to_numpy()`, `.xy()`.

    Raises:
        InvalidInput: the job has no dataset.
    """
    return _session.current().dataset()


def report(*, step: int | None = None, **values: Any) -> None:
    """Reports metrics: `report(step=epoch, loss=loss, accuracy=accuracy)`.

    Values are numbers, or tensors and arrays of one number; what is not finite is kept as null, with a warning.
    """
    _session.current().report(step, **values)


def progress(value: float) -> None:
    """Reports how much of the work is done, 0 to 1."""
    _session.current().progress(value)


def save(state: Any, *, step: int | None = None, rng: bool = True, wait: bool = False) -> str | None:
    """Saves a checkpoint, atomically; every rank may call it, rank 0 writes.

    The state is copied at once and stored in the background, one checkpoint at a time.  When the platform has asked the job
    to stop, the call stores the checkpoint and then ends the task, on every rank after the same call: let SystemExit pass.

    Args:
        state: tensors, arrays, numbers, strings, bytes, None, and dicts, lists and tuples of them, such as
            `{"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}`.
        step: where training stands; the last reported step when left out.
        rng: keep the state of the random numbers of Python, numpy and torch with it, of every rank that saves.
        wait: return only when the checkpoint is stored.

    Returns:
        The checkpoint's key in the object store, None on the other ranks.
    """
    return _session.current().save(state, step, rng=rng, wait=wait)


def restore(*, rng: bool = True) -> Any:
    """The state that was saved last, or None when training begins anew.

    Args:
        rng: let random numbers go on where they were, if they were kept and as many ranks go on.
    """
    return _session.current().restore(rng=rng)


def should_stop() -> bool:
    """Whether the platform asks this job to stop; the same on all ranks of a process group, each of which has to call it.

    Ask after each step, and save when it says so: the job goes on later from there.
    """
    return _session.current().should_stop()


def step(*, rows: int = 0) -> None:
    """Says that a step of training is done, on `rows` rows of this rank: the job's throughput is counted by it.

    Under `profile:` it is where a step ends; without it, that is where an optimizer of torch has done its step.
    """
    current = _session.current()
    current.stepped(None, int(rows))
    if current.profiler is not None:
        current.profiler.stepped()


def phase(name: str) -> AbstractContextManager[None]:
    """Names what a block of a step does, for the profile: `with train.phase("data"): batch = read()`.

    Costs nothing to speak of in a job without `profile:`.  A phase inside another one is taken out of that one's time.
    """
    return _session.current().phase(name)


def fast_reduce(model: DistributedDataParallel) -> bool:
    """Has a DDP model average its gradients in shared memory where all ranks are on one machine; every rank has to call it.

    Under TensorFleet every DDP model does so by itself.  Call it when you run by hand, right after the model is made.

    Returns:
        Whether it does; False where it cannot, and all stays as it was: ranks on several machines, GPUs, a hook of your own.
    """
    from tensorfleet.training import shared_reduce

    return shared_reduce.fast_reduce(model)


def rank() -> int:
    return _session.current().context.rank


def world_size() -> int:
    return _session.current().context.world_size
