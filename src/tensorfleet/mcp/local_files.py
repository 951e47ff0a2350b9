"""Which files of this machine a job may name: an agent that was talked into it must not send others away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorfleet.errors import NotPermitted
from tensorfleet.sdk.dataset_files import is_local_path, is_url

_DATASETS = ("dataset", "dataset_path")


def with_own_files(spec: dict[str, Any], root: Path | None) -> dict[str, Any]:
    """The job with the paths in it made whole; they are relative to `root`, and have to stay in it.

    Raises:
        NotPermitted: it names a file, a folder or an address, and that one is not below `root`, or there is no `root`.
    """
    found = dict(spec)
    for field in (*_DATASETS, "code"):
        source = found.get(field)
        if not isinstance(source, str) or (field in _DATASETS and _is_name(source)):
            continue
        if is_url(source):
            raise NotPermitted(
                f"{field}: '{source[:200]}' is an address, and this server fetches none for an agent; a person can add it with "
                "`tensorfleet datasets add`, and the job then names the dataset"
            )
        found[field] = str(_inside(field, source, root))
    return found


def _is_name(source: str) -> bool:
    return not is_url(source) and not is_local_path(source)


def _inside(field: str, source: str, root: Path | None) -> Path:
    if root is None:
        raise NotPermitted(
            f"{field}: '{source[:200]}' is on this machine, and this server may send no files; start it as "
            "`tensorfleet mcp --files FOLDER` to allow what is below a folder"
        )
    whole = root.resolve()
    path = (whole / source).resolve() if "\0" not in source else Path("/")
    if not path.is_relative_to(whole):
        raise NotPermitted(f"{field}: '{source[:200]}' is not below {whole}, the folder given with --files")
    return path
