"""A user's own training code: unpacked, run as its author would run it, its errors told in one sentence."""

from __future__ import annotations

import importlib
import inspect
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from tensorfleet.errors import InvalidInput
from tensorfleet.training import profiling, shared_reduce, work_folder
from tensorfleet.training.keeping import Keeper
from tensorfleet.training.session import Session


def run(session: Session, entrypoint: str, args: Sequence[str] = ()) -> None:
    """Runs `train.py` as `torchrun train.py` would, or calls `package.module:function`; what it leaves there is kept."""
    context = session.context
    unpacked = work_folder.prepare(session)
    root = context.code_dir
    if context.rank != 0:
        return _start(session, root, entrypoint, args)
    session.keeper = Keeper(lambda: session.objects, context.job_id, context.attempt, root, unpacked)
    session.keeper.start()
    try:
        _start(session, root, entrypoint, args)
    finally:
        session.keeper.close()


def _start(session: Session, root: Path, entrypoint: str, args: Sequence[str]) -> None:
    shared_reduce.install()
    session.profiler = profiling.start(session, torch="torch" in sys.modules)
    if entrypoint.endswith(".py"):
        _run_script(session, root, entrypoint, args)
    else:
        _call(session, root, entrypoint)


def _run_script(session: Session, root: Path, entrypoint: str, args: Sequence[str]) -> None:
    script = (root / entrypoint).resolve()
    if not script.is_relative_to(root.resolve()) or not script.is_file():
        raise InvalidInput(f"entrypoint '{entrypoint}' is not in the code; it has {_names(root)}")
    work_folder.enter(session.context, script.parent)
    sys.argv = [str(script), *args]
    # Kept to the end of the process: taking a script's objects apart is not our business, and a DDP model that is freed
    # after its process group can block for ever.
    session.keep_alive = runpy.run_path(str(script), run_name="__main__")


def _call(session: Session, root: Path, entrypoint: str) -> None:
    module_name, _, function_name = entrypoint.partition(":")
    work_folder.enter(session.context, root)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise InvalidInput(
            f"entrypoint '{entrypoint}': there is no module '{error.name}' in the code; it has {_names(root)}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise InvalidInput(
            f"entrypoint '{entrypoint}': module '{module_name}' has no function '{function_name}'"
        )
    if inspect.signature(function).parameters:
        function(session.context.hyperparameters)
    else:
        function()


def _names(root: Path) -> str:
    names = sorted(path.name + "/" * path.is_dir() for path in root.iterdir())
    return ", ".join(names[:20]) or "nothing in it"


def trimmed_traceback(error: BaseException, root: Path | None) -> str:
    """The traceback from the first line of the code below `root` on; the whole one when that is None."""
    whole = traceback.TracebackException.from_exception(error)
    if root is not None:
        first = next(
            (i for i, frame in enumerate(whole.stack) if _inside(frame.filename, root)), len(whole.stack)
        )
        whole.stack = traceback.StackSummary.from_list(whole.stack[first:])
    return "".join(whole.format()).rstrip()


def one_sentence(error: BaseException, root: Path | None) -> str:
    """`ValueError: bad shape (train.py:12)`."""
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _inside(frame.filename, root)]
    if not frames or root is None:
        return said
    return f"{said} ({Path(frames[-1].filename).resolve().relative_to(root.resolve())}:{frames[-1].lineno})"


def _inside(filename: str, root: Path | None) -> bool:
    # Names such as <frozen runpy> are no paths, and relative to the working folder they would lie inside.
    return (
        root is not None
        and Path(filename).is_absolute()
        and Path(filename).resolve().is_relative_to(root.resolve())
    )
