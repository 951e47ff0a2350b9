# Made of sdk/aio/sending.py by `make sdk`: change that file. 448fd1f3369b
"""What a job names by a path here, sent before the job itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

from tensorfleet.sdk.dataset_files import is_url
from tensorfleet.sdk.datasets import Datasets
from tensorfleet.sdk.gitstate import GitState, read_git
from tensorfleet.sdk.ground import apart
from tensorfleet.sdk.locks import read_requirements
from tensorfleet.sdk.packing import pack_folder
from tensorfleet.sdk.progress import Progress, Step
from tensorfleet.sdk.submission import Submission
from tensorfleet.sdk.transport import Transport
from tensorfleet.sdk.uploads import upload_file


def send_files(submission: Submission, transport: Transport, step: Step | None = None) -> None:
    """Uploads what the job names by a path here, and puts the server's names in their place."""
    start = step or (lambda _: None)
    spec = submission.spec
    for field in submission.local_datasets():
        source = str(spec[field])
        place = source if is_url(source) else submission.base / Path(source).expanduser()
        version = Datasets(transport).add(place, progress=start(f"dataset {Path(source).name}"))
        spec[field] = f"{version['name']}@{version['version']}"
    code = spec.get("code")
    if isinstance(code, str):
        folder = submission.base / Path(code).expanduser()
        apart(read_requirements, spec, folder)
        spec["code"] = {"digest": upload_code(transport, folder, start(f"code {code}"))}
        state = apart(read_git, folder)
        if state is not None:
            spec["code"]["git"] = _git_of(transport, state)


def upload_code(transport: Transport, folder: Path, progress: Progress | None = None) -> str:
    """Packs a folder, sends it and returns the digest that a job names it by."""
    with tempfile.NamedTemporaryFile(prefix="tensorfleet-code-", suffix=".tar.gz") as file:
        apart(pack_folder, folder, cast("BinaryIO", file))
        file.flush()
        return _sent(transport, Path(file.name), progress)


def _git_of(transport: Transport, state: GitState) -> dict[str, Any]:
    """The state as the job file has it; the diff is sent, and named by its digest."""
    found: dict[str, Any] = {"commit": state.commit, "branch": state.branch, "dirty": state.dirty}
    if state.diff:
        with tempfile.NamedTemporaryFile(prefix="tensorfleet-diff-", suffix=".diff") as file:
            file.write(state.diff)
            file.flush()
            diff = _sent(transport, Path(file.name))
            found |= {"diff": diff, "diff_truncated": state.truncated}
    return found


def _sent(transport: Transport, path: Path, progress: Progress | None = None) -> str:
    upload_id = upload_file(transport, path, progress, resumable=False)
    return str(transport.call("POST", "/code", json={"upload_id": upload_id})["digest"])
