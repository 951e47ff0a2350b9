"""A user's own training code: unpacked, run as its author would run it, its errors told in one sentence."""

from __future__ import annotations

import importlib
import inspect
import os
import runpy
import sys
import tarfile
import traceback
from pathlib import Path

from tensorfleet.errors import InvalidInput
from tensorfleet.training.session import Session

FOLDER = "code"
MOST_BYTES = 2 * 1024**3
MOST_FILES = 50_000


def run(session: Session, entrypoint: str) -> None:
    """Runs `train.py` as `python train.py` would, or calls `package.module:function`."""
    root = session.context.task_dir / FOLDER
    root.mkdir(exist_ok=True)
    if session.context.code is not None:
        unpack(session.fetch(session.context.code["digest"], "the job's code"), root)
    if entrypoint.endswith(".py"):
        _run_script(session, root, entrypoint)
    else:
        _call(root, entrypoint, session.context.hyperparameters)


def unpack(archive: Path, root: Path) -> None:
    """Unpacks a .tar.gz of plain files and folders below `root`.

    Raises:
        InvalidInput: it is damaged or too large, or holds links, devices or paths that lead out of it.
    """
    total = 0
    try:
        with tarfile.open(archive, mode="r:gz") as tar:
            for count, member in enumerate(tar, start=1):
                if not (member.isreg() or member.isdir()):
                    raise InvalidInput(
                        f"the code holds '{member.name[:200]}', neither a file nor a folder; leave it out"
                    )
                total += member.size
                if total > MOST_BYTES or count > MOST_FILES:
                    raise InvalidInput(
                        f"the code unpacks to more than {MOST_BYTES // 1024**3} GiB or {MOST_FILES} files"
                    )
                tar.extract(member, root, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InvalidInput(f"the code cannot be unpacked: {error}") from error


def _run_script(session: Session, root: Path, entrypoint: str) -> None:
    script = (root / entrypoint).resolve()
    if not script.is_relative_to(root.resolve()) or not script.is_file():
        raise InvalidInput(f"entrypoint '{entrypoint}' is not in the code; it has {_names(root)}")
    os.chdir(script.parent)
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script)]
    # Kept to the end of the process: taking a script's objects apart is not our business, and a DDP model that is freed
    # after its process group can block for ever.
    session.keep_alive = runpy.run_path(str(script), run_name="__main__")


def _call(root: Path, entrypoint: str, params: dict[str, object]) -> None:
    module_name, _, function_name = entrypoint.partition(":")
    os.chdir(root)
    sys.path.insert(0, str(root))
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
        function(params)
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
