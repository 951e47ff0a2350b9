"""What a dataset's source is, and what it may be called."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tensorfleet.errors import DataInvalid, InvalidInput

_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".data": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKED = {".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar"}


def is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def is_local_path(text: str) -> bool:
    """Whether a job file's `dataset` means a file here rather than the name of a dataset."""
    return "://" not in text and ("/" in text or os.sep in text or Path(text).suffix.lower() in _FORMATS)


def name_from(path: Path) -> str:
    """A dataset name from a file's: `Sales 2025 (final).csv` gives `Sales-2025-final`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:100]
    if not name:
        raise InvalidInput(f"no dataset name can be made from '{path.name}'; give one")
    return name


def file_format(path: Path) -> str:
    """`csv` or `parquet`, from the name, else from the first bytes.

    Raises:
        InvalidInput: there is no such file.
        DataInvalid: it is empty, packed, or of a format that is neither.
    """
    if not path.is_file():
        kind = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise InvalidInput(f"{path} {kind}; give a CSV or Parquet file")
    if path.stat().st_size == 0:
        raise DataInvalid(f"{path} is empty; a dataset needs a header and at least one row")
    suffix = path.suffix.lower()
    if suffix in _PACKED:
        raise DataInvalid(f"{path} is packed ({suffix}); unpack it first")
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    if suffix in _FORMATS and _FORMATS[suffix] == "parquet" and not parquet:
        raise DataInvalid(f"{path} is called Parquet but does not begin as one")
    if suffix not in _FORMATS and suffix and not parquet:
        raise DataInvalid(f"{path} is neither .csv nor .parquet; convert it to one of them")
    return "parquet" if parquet else "csv"
