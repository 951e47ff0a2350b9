"""Unpacks code that came from outside: nothing in an archive can lead out of its folder."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

from tensorfleet.errors import InvalidInput

MOST_BYTES = 2 * 1024**3
MOST_FILES = 50_000
MOST_HEADER_BYTES = 1024**2
"""Of what tar keeps in front of a file, such as its long name: Python reads that into memory as a whole."""


def unpack(archive: Path, root: Path) -> None:
    """Unpacks a .tar.gz of plain files and folders below `root`.

    Raises:
        InvalidInput: it is damaged or too large, or holds links, devices or paths that lead out of it.
    """
    total = 0
    try:
        with (
            gzip.open(archive) as packed,
            tarfile.open(fileobj=cast("IO[bytes]", _InPieces(packed)), mode="r:") as tar,
        ):
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
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InvalidInput(f"the code cannot be unpacked: {error}") from error


class _InPieces:
    """A file of which nothing long is read at once."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MOST_HEADER_BYTES:
            raise InvalidInput(
                "the code holds a file with a name or attributes of more than 1 MiB; leave it out"
            )
        return cast("bytes", self._file.read(size))
