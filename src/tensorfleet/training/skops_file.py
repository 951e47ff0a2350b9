"""skops files whose bytes depend on nothing but the object in them, so that equal models have equal digests."""

from __future__ import annotations

import io
import re
import zipfile
from functools import lru_cache
from typing import Any

_SCHEMA = "schema.json"
_ADDRESS = re.compile(r'("is_json": true,\s+)?("__id__": |"file": ")(\d+)')
_PADDED = b"('', '|V"
_PREFIX_BYTES = 10  # of an .npy file: magic, version, length of the header


def dump_skops(value: Any) -> bytes:
    """The bytes of a skops file, the same for equal objects.

    skops itself names the parts of a file by their addresses in memory, and dates them.  Trees come with padding that holds
    whatever was in memory before.
    """
    from skops.io import dumps

    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        plain, field, address = match.groups(default="")
        # Whether two equal texts or numbers are one object is chance: each gets a number of its own.
        key = f"plain {len(numbers)}" if plain else address
        return plain + field + numbers.setdefault(key, str(len(numbers) + 1))

    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(dumps(value))) as source, zipfile.ZipFile(packed, "w") as target:
        schema = _ADDRESS.sub(numbered, source.read(_SCHEMA).decode())
        for name in source.namelist():
            if name != _SCHEMA:
                stem, dot, suffix = name.partition(".")
                target.writestr(
                    zipfile.ZipInfo(numbers.get(stem, stem) + dot + suffix), _clean(source.read(name))
                )
        target.writestr(zipfile.ZipInfo(_SCHEMA), schema)
    return packed.getvalue()


def _clean(data: bytes) -> bytes:
    """An .npy file with zeros for the padding of its records; any other file as it is."""
    import numpy as np

    end = _PREFIX_BYTES + int.from_bytes(data[8:_PREFIX_BYTES], "little")
    header = data[:end]
    if not header.startswith(b"\x93NUMPY\x01\x00") or _PADDED not in header:
        return data
    used = np.frombuffer(_used(header), dtype=bool)
    records = np.frombuffer(data[end:], dtype=np.uint8).reshape(-1, len(used))
    return header + bytes((records * used).data)


@lru_cache(maxsize=64)
def _used(header: bytes) -> bytes:
    """For each byte of a record 1, or 0 where it is padding."""
    import numpy as np

    file = io.BytesIO(header)
    np.lib.format.read_magic(file)
    dtype = np.lib.format.read_array_header_1_0(file)[2]
    used = bytearray(dtype.itemsize)
    for kind, offset, *_ in (dtype.fields or {}).values():
        used[offset : offset + kind.itemsize] = b"\x01" * kind.itemsize
    return bytes(used)
