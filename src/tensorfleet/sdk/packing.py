"""A folder of code as one `.tar.gz`: the same files give the same bytes, on every machine and at any time."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tensorfleet.errors import InvalidInput, TooLarge
from tensorfleet.kit.units import format_bytes
from tensorfleet.sdk.ignore import IgnoreRules

MAX_CODE_BYTES = 100 * 1024**2
MAX_CODE_FILES = 20_000


@dataclass(frozen=True)
class _Entry:
    name: str
    path: Path
    bytes: int
    executable: bool


def pack_folder(folder: Path, target: BinaryIO) -> int:
    """Writes the folder's files to `target` as a tar.gz and returns how many there are.

    Left out: what git ignores there, by the `.gitignore` files of the folder, of those in it and of its repository, and
    `.git`, `__pycache__`, `.venv` and other caches.  A link to a file inside the folder is packed as that file.

    Raises:
        InvalidInput: no such folder, nothing in it, or something in it that cannot be packed.
        TooLarge: more than 100 MiB or 20,000 files.
    """
    if not folder.is_dir():
        raise InvalidInput(f"code: there is no folder {folder}")
    root = folder.resolve()
    entries = sorted(_entries(root, root, IgnoreRules.of(root)), key=lambda entry: entry.name)
    _check_size(folder, entries)
    with (
        gzip.GzipFile(filename="", fileobj=target, mode="wb", mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for entry in entries:
            _add(archive, entry)
    return len(entries)


def _entries(root: Path, folder: Path, rules: IgnoreRules) -> Iterator[_Entry]:
    for item in sorted(os.scandir(folder), key=lambda found: found.name):
        path = Path(item.path)
        name = path.relative_to(root).as_posix()
        if rules.skips(item.name, is_dir=item.is_dir()):
            continue
        if item.is_dir(follow_symlinks=False):
            yield from _entries(root, path, rules.within(path))
        else:
            yield _entry(root, path, name)


def _entry(root: Path, path: Path, name: str) -> _Entry:
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        raise InvalidInput(
            f"code: {name} is a link that leaves {root}; copy the file there or name it in .gitignore"
        )
    try:
        found = path.stat()
    except OSError as error:
        raise InvalidInput(
            f"code: {name} cannot be read ({error.strerror}); name it in .gitignore"
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(f"code: {name} is not a file that can be packed; name it in .gitignore")
    return _Entry(name, path, found.st_size, bool(found.st_mode & stat.S_IXUSR))


def _check_size(folder: Path, entries: list[_Entry]) -> None:
    if not entries:
        raise InvalidInput(f"code: there is no file in {folder}")
    if len(entries) > MAX_CODE_FILES:
        raise TooLarge(
            f"code: {folder} has {len(entries)} files, the limit is {MAX_CODE_FILES}; use .gitignore"
        )
    total = sum(entry.bytes for entry in entries)
    if total > MAX_CODE_BYTES:
        largest = sorted(entries, key=lambda entry: -entry.bytes)[:3]
        named = ", ".join(f"{entry.name} ({format_bytes(entry.bytes)})" for entry in largest)
        raise TooLarge(
            f"code: {folder} has {format_bytes(total)}, the limit is {format_bytes(MAX_CODE_BYTES)}; "
            f"the largest are {named}; name them in .gitignore, and add data with `tensorfleet datasets add`"
        )


def _add(archive: tarfile.TarFile, entry: _Entry) -> None:
    info = tarfile.TarInfo(entry.name)
    info.size = entry.bytes
    info.mode = 0o755 if entry.executable else 0o644
    try:
        with entry.path.open("rb") as file:
            archive.addfile(info, file)
    except OSError as error:
        raise InvalidInput(
            f"code: {entry.name} changed or cannot be read while it was packed ({error})"
        ) from error
