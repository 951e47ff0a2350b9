"""One task from start to outcome, inside the training process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorfleet.errors import (
    DataInvalid,
    InvalidInput,
    NotPermitted,
    SpecInvalid,
    StorageFull,
    TensorFleetError,
    Unavailable,
)
from tensorfleet.kit.files import write_atomic
from tensorfleet.training import memory, profiling, provenance, registry, user_code
from tensorfleet.training.context import TaskContext, load_context
from tensorfleet.training.pulse import answer_stack_dumps
from tensorfleet.training.session import Session, activate
from tensorfleet.training.stopping import Stopped

OUTCOME_FILE = "outcome.json"
SPAN_FILE = "span.json"


def run_task(task_dir: Path, forked_at: float | None = None) -> int:
    """Runs the task in `task_dir`, leaves `outcome.json` there, and returns the process's exit code.

    Args:
        forked_at: when this process began, in seconds since 1970.
    """
    context = load_context(task_dir)
    session = Session(context)
    activate(session)
    answer_stack_dumps(task_dir)
    _begin_timeline(session, forked_at)
    note = provenance.Note(session) if context.rank == 0 else None
    code = 0
    try:
        limit_threads(context.cpus)
        session.timeline.mark("opened")
        outcome = _run_builtin(session) if context.spec.get("algorithm") else _run_own_code(session, note)
    except Stopped as stop:
        outcome = _stopped(session, stop.step)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        outcome = _own_code_outcome(session) if code == 0 else _exit_outcome(stop)
    except BaseException as error:
        code = 1
        outcome = failure(error, context)
    session.saver.wait()  # what was saved is recorded before the outcome is there
    if note is not None:
        note.wait()
        outcome |= {"provenance": note.digest} if outcome["status"] == "succeeded" else {}
    if session.profiler is not None:
        session.profiler.close()
    session.timeline.close()
    if context.traceparent is not None:
        _leave_span(session)
    if outcome["status"] == "succeeded" and session.timeline.counted:
        outcome["throughput"] = session.timeline.counted
    write_atomic(task_dir / OUTCOME_FILE, json.dumps(outcome).encode())
    session.close()
    activate(None)
    return code


def _leave_span(session: Session) -> None:
    """For the agent, which tells the collector."""
    marks = session.timeline.marks
    span = {"start": marks.get("forked", min(marks.values())), "end": marks["ended"], "marks": marks}
    write_atomic(session.context.task_dir / SPAN_FILE, json.dumps(span).encode(), durable=False)


def _begin_timeline(session: Session, forked_at: float | None) -> None:
    if session.context.received_at is not None:
        session.timeline.mark("received", session.context.received_at)
    if forked_at is not None:
        session.timeline.mark("forked", forked_at)


def _run_builtin(session: Session) -> dict[str, Any]:
    spec = session.context.spec
    folds = (spec.get("evaluation") or {}).get("folds")
    errors = registry.validate(
        spec["algorithm"], session.context.hyperparameters, session.context.world_size, folds
    )
    if errors:
        raise SpecInvalid(errors)
    algorithm = registry.ALGORITHMS[spec["algorithm"]]
    trainer: Callable[..., dict[str, Any]] = algorithm.load()
    session.profiler = profiling.start(session, torch=algorithm.torch)
    return {
        "status": "succeeded",
        **trainer(session, algorithm, algorithm.params(**session.context.hyperparameters)),
    }


def _run_own_code(session: Session, note: provenance.Note | None) -> dict[str, Any]:
    seed_everything(session.context.seed)
    if note is not None:
        note.wait()  # the code may fork
    spec = session.context.spec
    user_code.run(session, spec["entrypoint"], spec.get("args") or ())
    return _own_code_outcome(session)


def _stopped(session: Session, step: int) -> dict[str, Any]:
    """It was asked to stop, and did; `saved_step` is where it can go on, -1 for the beginning."""
    session.saver.wait()
    return {"status": "stopped", "step": step, "saved_step": session.saver.saved_step}


def _own_code_outcome(session: Session) -> dict[str, Any]:
    if session.stopping:
        return _stopped(session, session.last_step)
    files = session.keeper.files if session.keeper else []
    metrics = session.last_values
    return {"status": "succeeded", "metrics": metrics, "evaluation": {}, "model": None, "files": files}


def _exit_outcome(stop: SystemExit) -> dict[str, Any]:
    message = stop.code if isinstance(stop.code, str) else f"the code exited with code {stop.code}"
    return {"status": "failed", "class": "user_error", "message": message, "traceback": ""}


def failure(error: BaseException, context: TaskContext) -> dict[str, Any]:
    """The outcome for an error: its class, one sentence, and the part of the traceback that helps."""
    own_code = not context.spec.get("algorithm")
    root = context.code_dir if own_code else None
    shown = user_code.trimmed_traceback(error, root)
    print(shown, file=sys.stderr, flush=True)
    outcome = {"status": "failed", "class": _classify(error, own_code), "traceback": shown}
    where = memory.ran_out(error)
    if where is not None:
        found = memory.evidence(where, context)
        return outcome | {"evidence": found, "message": memory.sentence(found, _less(context))}
    if isinstance(error, TensorFleetError):
        return outcome | {"message": error.detail}
    return outcome | {"message": user_code.one_sentence(error, root)}


def _less(context: TaskContext) -> str:
    algorithm = registry.ALGORITHMS.get(context.spec.get("algorithm") or "")
    if algorithm is None:
        return "use smaller batches"
    return (
        "use a smaller hyperparameters.batch_size" if algorithm.accumulates else "use fewer rows or columns"
    )


def _classify(error: BaseException, own_code: bool) -> str:
    if memory.ran_out(error):
        return "out_of_memory"
    if isinstance(error, Unavailable | NotPermitted | StorageFull):
        return "infrastructure"
    if isinstance(error, DataInvalid):
        return "data"
    if isinstance(error, InvalidInput):
        return "user_error"
    return "user_error" if own_code and not isinstance(error, TensorFleetError) else "internal"


def seed_everything(seed: int) -> None:
    """Seeds random, numpy, and torch where it is loaded; the built-in trainers seed what they use."""
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(seed)


def limit_threads(cpus: float) -> None:
    """Lets the numeric libraries use as many threads as the task has CPUs."""
    threads = max(1, int(cpus))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[variable] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
    if threads > 1:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        threadpool_limits(threads)
