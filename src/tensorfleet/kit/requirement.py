"""One line of a requirements file, from people whom nobody knows."""

from __future__ import annotations

import re
from typing import Any

_MOST = 1000
_MOST_HASHES = 500
_HASH = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_REMOTE = re.compile(r"(?:git\+)?https?://|git\+ssh://")


def check_requirement(value: Any) -> str:
    """The line as everybody writes it, without its comment; with its hashes, which the worker checks.

    Raises:
        ValueError: it is no package: an option, a path, or nothing that can be read.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    line = re.sub(r"(^|\s)#.*", "", value) if isinstance(value, str) else ""
    text = re.sub(r"\s--hash=\S+", "", line).strip().rstrip("\\").strip()
    if not isinstance(value, str) or len(text) > _MOST:
        raise ValueError(
            f"{str(value)[:60]!r} is no requirement; write text such as pandas>=2, at most {_MOST} long"
        )
    if text.startswith("-"):
        raise ValueError(
            f"'{text[:60]}' is an option; write packages only (an index is set on the workers, as UV_INDEX)"
        )
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(
            f"'{text[:60]}' is no requirement such as pandas>=2: {str(error).splitlines()[0]}"
        ) from error
    if found.url and not _REMOTE.match(found.url):
        raise ValueError(
            f"'{text[:60]}' is a path; workers do not have it: put it into the code folder and import it"
        )
    return " ".join([str(found), *(f"--hash={one}" for one in _hashes(text, line))])


def _hashes(text: str, line: str) -> list[str]:
    found = re.findall(r"\s--hash=(\S+)", line)
    odd = next((one for one in found if not _HASH.fullmatch(one)), None)
    if odd is not None:
        raise ValueError(
            f"'{text[:60]}' has the hash '{odd[:80]}'; write sha256:, sha384: or sha512: and its digits"
        )
    if len(found) > _MOST_HASHES:
        raise ValueError(f"'{text[:60]}' has {len(found)} hashes; {_MOST_HASHES} are the limit")
    return found
