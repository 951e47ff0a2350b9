"""Unpacks code that came from outside: nothing in an archive can lead out of its folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

from tensorfleet.errors import InvalidInput

MOST_BYTES = 2 * 1024**3
MOST_FILES = 50_000


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
