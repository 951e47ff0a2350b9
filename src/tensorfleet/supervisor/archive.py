"""A backup as it lies on a disk: a folder, or one compressed file; its list, with checksums, is written last.

Whoever reads one believes nothing: a name may not leave the folder that it is unpacked to, what is no plain file is refused,
and what the list does not say, or says otherwise, is none.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from tensorfleet.errors import DataInvalid, InvalidInput, StorageFull

LIST = "backup.json"
SUFFIX = ".tar.zst"
OTHERS = (".tar", ".gz", ".tgz", ".xz", ".bz2", ".zip", ".zst", ".7z")
LIST_LIMIT_BYTES = 1024**3
ROOM_BYTES = 64 * 1024**2
"""So much of a disk stays free."""
CHUNK_BYTES = 1024**2


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class Sink(Protocol):
    def add(self, name: str, source: Readable, size: int) -> None:
        """Takes `size` bytes; a name that comes again replaces what was there."""
        ...


def add_bytes(sink: Sink, name: str, data: bytes) -> None:
    sink.add(name, io.BytesIO(data), len(data))


@contextmanager
def writing(target: Path) -> Iterator[Sink]:
    """A new backup, which is there under its name when all is written, and not at all when that fails.

    Raises:
        InvalidInput: the name cannot be one, or is taken.
        StorageFull: no space is left.
    """
    if target.name.endswith(OTHERS) and not target.name.endswith(SUFFIX):
        raise InvalidInput(f"a backup is a folder or a file '*{SUFFIX}', not '{target.name}'")
    if target.exists():
        raise InvalidInput(f"'{target}' is there already; give another name")
    part = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove(part)
    try:
        with ExitStack() as stack:
            tar = target.name.endswith(SUFFIX)
            yield stack.enter_context(_tar_sink(part)) if tar else _FolderSink(part)
        part.rename(target)
    finally:
        _remove(part)


class _FolderSink:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700)

    def add(self, name: str, source: Readable, size: int) -> None:
        write(self._folder, name, source, size)


class _TarSink:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, source: Readable, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._tar.addfile(member, source)
        self._tar.members = []  # type: ignore[attr-defined]  # or all of them are kept in memory


@contextmanager
def _tar_sink(path: Path) -> Iterator[Sink]:
    import pyarrow as pa

    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        pa.output_stream(str(path), compression="zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield _TarSink(tar)


def unpack(source: Path, folder: Path) -> dict[str, Any]:
    """Puts all files of a backup into an empty folder, compares them with the list, and returns the list.

    Raises:
        InvalidInput: there is no backup.
        DataInvalid: it is damaged, or is no backup, or would write outside of the folder.
        StorageFull: there is not enough space for it.
    """
    if not source.exists():
        raise InvalidInput(f"there is no backup '{source}'")
    found: dict[str, tuple[int, str]] = {}
    with _members(source) as members:
        for name, size, content in members:
            _check_name(name)
            _check_room(folder, size)
            if name == LIST and size > LIST_LIMIT_BYTES:
                raise DataInvalid(f"the list of '{source}' is too large to be one")
            found[name] = (size, write(folder, name, content, size))
    if LIST not in found:
        raise DataInvalid(f"'{source}' has no list '{LIST}': it is no backup, or was cut off")
    return _compared(source, folder, found)


def _compared(source: Path, folder: Path, found: dict[str, tuple[int, str]]) -> dict[str, Any]:
    path = folder / LIST
    try:
        listed = json.loads(path.read_bytes())
        files = {str(name): (int(one["size"]), str(one["sha256"])) for name, one in listed["files"].items()}
        if listed["format"] != 1:
            raise DataInvalid(
                f"'{source}' was made by a newer version of TensorFleet; restore it with that one"
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataInvalid(f"the list of '{source}' cannot be read") from error
    del found[LIST]
    path.unlink()
    for name in sorted(files.keys() ^ found.keys()):
        raise DataInvalid(
            f"'{source}' is damaged: '{name[:200]}' is {'missing' if name in files else 'not in its list'}"
        )
    for name, facts in files.items():
        if facts != found[name]:
            raise DataInvalid(f"'{source}' is damaged: '{name[:200]}' is not what was backed up")
    return dict(listed)


@contextmanager
def _members(source: Path) -> Iterator[Iterator[tuple[str, int, Readable]]]:
    if source.is_dir():
        yield _files_of(source)
        return
    import pyarrow as pa

    try:
        with (
            pa.input_stream(str(source), compression="zstd") as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            yield _plain(tar)
    except (tarfile.TarError, OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise DataInvalid(f"'{source}' is no '*{SUFFIX}' of a backup, or is damaged: {error}") from error


def _files_of(folder: Path) -> Iterator[tuple[str, int, Readable]]:
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise DataInvalid(f"'{path}' is no plain file")
        for name in files:
            path = Path(root) / name
            with path.open("rb") as content:
                yield path.relative_to(folder).as_posix(), path.stat().st_size, content


def _plain(tar: tarfile.TarFile) -> Iterator[tuple[str, int, Readable]]:
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is None:
            raise DataInvalid(f"'{member.name[:200]}' in the backup is no plain file")
        yield member.name, member.size, content
        tar.members = []  # type: ignore[attr-defined]  # or all of them are kept in memory


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    plain = str(path) == name and not path.is_absolute() and ".." not in path.parts and "\0" not in name
    if not plain or name in ("", "."):
        raise DataInvalid(f"'{name[:200]}' in the backup is no name of a file below a folder")


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free - ROOM_BYTES:
        raise StorageFull(f"the backup does not fit into '{folder}': {free} bytes are free")


def write(folder: Path, name: str, source: Readable, size: int) -> str:
    """Writes a file, for its owner alone; returns its SHA-256.

    Raises:
        DataInvalid: there are fewer bytes than were said, or its name is that of a folder.
    """
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DataInvalid(f"'{name[:200]}' in the backup is a file and a folder") from error
    with os.fdopen(descriptor, "wb") as file:
        reader = Hashed(source, size)
        shutil.copyfileobj(reader, file, CHUNK_BYTES)
    if reader.left:
        raise DataInvalid(f"'{name[:200]}' ends {reader.left} bytes early")
    return reader.sha256


class Hashed:
    """At most `size` bytes of a file, and the checksum of what was read."""

    def __init__(self, source: Readable, size: int) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self.left = size

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        self._digest.update(data)
        return data

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
