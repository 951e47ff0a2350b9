"""Files here that come from a server."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from tensorfleet.errors import Internal


def inside(folder: Path, name: str) -> Path:
    """`folder/name` for a file name that a server gave.

    Raises:
        Internal: the name would leave the folder.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise Internal(f"the server names a file '{name}', which is not a path inside a folder")
    return folder.joinpath(*parts)


def part_of(target: Path, tag: str) -> Path:
    """Where `target` grows until it is whole; `tag` names its content."""
    return target.with_name(f".{target.name[:100]}.{hashlib.sha256(tag.encode()).hexdigest()[:12]}.part")


def size_of(path: Path) -> int:
    """0 for a file that is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
