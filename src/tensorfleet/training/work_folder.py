"""The folder in which own code runs: one per job on each worker, shared by its ranks there and kept for the next attempt.

A script that saves `snapshot.pt` where it runs finds that file again when the job is tried again, as it would under `torchrun`.
The next attempt may run on another worker: then what rank 0 left, as far as the object store has it, is laid into the folder
there.  The worker of rank 0 counts; the other workers get its files.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import NotFound
from tensorfleet.kit.files import write_atomic
from tensorfleet.training import kept_files
from tensorfleet.training.archive import unpack

if TYPE_CHECKING:
    from tensorfleet.training.context import TaskContext
    from tensorfleet.training.session import Session

CODE = "code"
_NOTE = "folder.json"


def prepare(session: Session) -> kept_files.Signs:
    """Makes the job's folder ready for this attempt, once for all ranks here; returns its files as they were unpacked.

    Raises:
        InvalidInput: the code cannot be unpacked.
        Unavailable: the object store is away.
    """
    context = session.context
    home = context.job_dir
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(home / "lock"):
        note = _read(home / _NOTE)
        if note.get("attempt") != context.attempt or not (home / CODE).is_dir():
            note = _renewed(session, note)
            write_atomic(home / _NOTE, json.dumps(note).encode(), durable=False)
    return {name: (int(size), int(at)) for name, (size, at) in note["unpacked"].items()}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("unpacked"), dict) else {}


def _renewed(session: Session, note: dict[str, Any]) -> dict[str, Any]:
    """The note after the folder was brought to where this attempt begins."""
    context = session.context
    folder = context.job_dir / CODE
    kept = kept_files.find(session.objects, context.job_id) if context.attempt > 1 else None
    led = int(note.get("led") or 0)
    ours = bool(note) and folder.is_dir() and context.leads and led >= (kept.attempt if kept else 1)
    if ours:
        _mend(session, folder, kept)
        unpacked = note["unpacked"]
    else:
        unpacked = _fresh(session, folder)
        if kept is not None:
            _tell(f"going on with the files that attempt {kept.attempt} left: {len(kept.files)} of them")
            _lay(session, folder, kept, kept.files)
    return {
        "attempt": context.attempt,
        "led": context.attempt if context.leads else led,
        "unpacked": unpacked,
    }


def _fresh(session: Session, folder: Path) -> kept_files.Signs:
    """The code as it was submitted, and nothing else; whole or not there, whenever this is killed."""
    part = folder.with_name(f".{folder.name}.part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    part.mkdir()
    code = session.context.code
    if code is not None:
        unpack(session.fetch(code["digest"], "the job's code"), part)
    part.rename(folder)
    return kept_files.scan(folder)


def _mend(session: Session, folder: Path, kept: kept_files.Kept | None) -> None:
    """A snapshot that a kill cut off in the middle of its being written is put back as it was before, or taken away."""
    for name in kept_files.scan(folder):
        if kept_files.is_whole(folder / name) is not False:
            continue
        if kept is not None and name in kept.files:
            _tell(f"{name} was cut off while it was written; the version before it is put back")
            _lay(session, folder, kept, (name,))
        else:
            _tell(f"{name} was cut off while it was written, and there is none before it; it is removed")
            (folder / name).unlink(missing_ok=True)


def _lay(session: Session, folder: Path, kept: kept_files.Kept, names: Iterable[str]) -> None:
    for name in names:
        try:
            kept_files.restore(session.objects, kept, name, folder, session.beat)
        except (NotFound, kept_files.Damaged) as error:
            _tell(f"{name} of attempt {kept.attempt} cannot be put back: {error}")


def environment(context: TaskContext) -> dict[str, str]:
    """What tells code where it may leave files for its next attempt, wherever it changes to."""
    return {"TENSORFLEET_STATE_DIR": str(context.code_dir.resolve())}


def enter(context: TaskContext, folder: Path) -> None:
    """Lets code run in `folder`, and find its modules there."""
    os.environ.update(environment(context))
    os.chdir(folder)
    sys.path.insert(0, str(folder))


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
