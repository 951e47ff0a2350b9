"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Writes `data` so that readers, and a crash at any moment, see either the old file or the new one, never a part.

    Not `durable`: safe against a killed process, not against a power cut, and a disk flush cheaper.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def is_full(error: OSError) -> bool:
    """Whether a write failed for want of space: a full disk, a quota, a size limit."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
