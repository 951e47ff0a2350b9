"""A folder for each class, of pictures or texts, or such folders in a .zip or .tar: one table in Parquet."""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tensorfleet.errors import DataInvalid
from tensorfleet.kit.units import format_bytes
from tensorfleet.training.picture_files import SUFFIXES, open_picture

LABEL = "label"
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
TEXTS = (".txt", ".text", ".md")
MOST_FILES = 1_000_000
MOST_BYTES = 64 * 1024**3
MOST_FILE_BYTES = 64 * 1024**2
_GROUP_BYTES = 32 * 1024**2
_GROUP_ROWS = 1000
_UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
)


@dataclass(frozen=True)
class Entry:
    """One file: its path in the folder or archive, how large it says that it is, and its bytes."""

    path: PurePosixPath
    size: int
    open: Callable[[], IO[Any]]

    @property
    def hidden(self) -> bool:
        return (
            any(part.startswith((".", "__MACOSX")) for part in self.path.parts)
            or self.path.name == "Thumbs.db"
        )


def holds_classes(path: Path) -> bool:
    """Whether a dataset's source is to be read as folders of classes."""
    return path.is_dir() or path.name.lower().endswith(ARCHIVES)


def plain_name(path: Path) -> str:
    """`photos` for `photos/`, `photos.zip` and `photos.tar.gz`."""
    suffix = next((one for one in ARCHIVES if path.name.lower().endswith(one)), "")
    return path.resolve().name[: -len(suffix)] if suffix else path.resolve().name


def pack(source: Path, target: Path) -> None:
    """Writes `target`, a table with a column `picture` (bytes) or `text`, and `label`: the name of the file's folder.

    Raises:
        DataInvalid: what lies there are no such folders, or a file is not readable; the message names it.
    """
    import pyarrow as pa
    from pyarrow import parquet

    writer, kind = None, ""
    try:
        for kind, rows in _groups(source):
            column = {"picture": pa.binary(), "text": pa.string()}[kind]
            schema = pa.schema([(kind, column), (LABEL, pa.string())])
            writer = writer or parquet.ParquetWriter(target, schema)
            values, labels = zip(*rows, strict=True)
            writer.write_table(pa.table([values, labels], schema=schema))
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise DataInvalid(
            f"{source} has no pictures ({', '.join(SUFFIXES)}) or texts ({', '.join(TEXTS)}) in folders named after their"
            " classes; a CSV or Parquet file in an archive has to be unpacked first"
        )


def _groups(source: Path) -> Iterator[tuple[str, list[tuple[bytes | str, str]]]]:
    """Rows, some at a time, and which of the two kinds all of them are."""
    kinds: dict[str, PurePosixPath] = {}
    rows: list[tuple[bytes | str, str]] = []
    size = total = count = 0
    for entry in _entries(source):
        count, total = count + 1, total + entry.size
        if count > MOST_FILES or total > MOST_BYTES or entry.size > MOST_FILE_BYTES:
            raise DataInvalid(
                f"{source}: with {entry.path} it has more than {MOST_FILES:,} files, {format_bytes(MOST_BYTES)}, or"
                f" {format_bytes(MOST_FILE_BYTES)} in one file"
            )
        kind = _kind(source, entry)
        kinds.setdefault(kind, entry.path)
        if len(kinds) > 1:
            one, other = kinds.values()
            raise DataInvalid(f"{source} has pictures and texts ({one}, {other}); make a dataset of each")
        data = _read(source, entry)
        rows.append((_checked(source, entry, kind, data), entry.path.parent.name))
        size += len(data)
        if size > _GROUP_BYTES or len(rows) >= _GROUP_ROWS:
            yield kind, rows
            rows, size = [], 0
    if rows:
        yield kind, rows


def _kind(source: Path, entry: Entry) -> str:
    suffix = entry.path.suffix.lower()
    kind = "picture" if suffix in SUFFIXES else "text" if suffix in TEXTS else None
    if kind is None:
        raise DataInvalid(
            f"{source}: {entry.path} is neither a picture ({', '.join(SUFFIXES)}) nor a text ({', '.join(TEXTS)}); take it out"
        )
    if len(entry.path.parts) < 2:
        raise DataInvalid(f"{source}: {entry.path} lies in no folder of a class; put it into one")
    return kind


def _read(source: Path, entry: Entry) -> bytes:
    """The file's bytes, and never more than its size allows, whatever an archive says of that."""
    try:
        with closing(entry.open()) as file:
            data: bytes = file.read(MOST_FILE_BYTES)
    except _UNREADABLE as error:
        raise DataInvalid(f"{source}: {entry.path} cannot be read: {str(error)[:120]}") from error
    return data


def _checked(source: Path, entry: Entry, kind: str, data: bytes) -> bytes | str:
    if kind == "picture":
        open_picture(data, f"{source}: {entry.path}")
        return data
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{source}: {entry.path} is not UTF-8 text") from error


def _entries(source: Path) -> Iterator[Entry]:
    """The files of a folder or an archive; nothing of an archive is ever written to a path that it names."""
    kinds = _in_folder if source.is_dir() else _in_zip if source.name.lower().endswith(".zip") else _in_tar
    try:
        for entry in kinds(source):
            if not entry.hidden:
                yield entry
    except _UNREADABLE as error:
        raise DataInvalid(f"{source} cannot be read: {str(error)[:120]}") from error


def _in_folder(source: Path) -> Iterator[Entry]:
    for root, folders, names in os.walk(source):
        folders.sort()
        for path in (Path(root, name) for name in sorted(names)):
            if path.is_file():
                relative = PurePosixPath(path.relative_to(source).as_posix())
                yield Entry(relative, path.stat().st_size, partial(path.open, "rb"))


def _in_zip(source: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(source) as archive:
        for item in sorted(archive.infolist(), key=lambda item: item.filename):
            if not item.is_dir():
                path = PurePosixPath(item.filename)
                yield Entry(path, item.file_size, partial(archive.open, item))


def _in_tar(source: Path) -> Iterator[Entry]:
    with tarfile.open(source) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                yield Entry(PurePosixPath(member.name), member.size, partial(_same, file))


def _same(file: IO[bytes]) -> IO[bytes]:
    return file
