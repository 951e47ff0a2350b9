"""One line of a requirements file, from people whom nobody knows."""

from __future__ import annotations

import re
from typing import Any

_MOST = 1000
_REMOTE = re.compile(r"(?:git\+)?https?://|git\+ssh://")


def check_requirement(value: Any) -> str:
    """The line as everybody writes it, without its comment and without hashes.

    Raises:
        ValueError: it is no package: an option, a path, or nothing that can be read.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    if not isinstance(value, str) or len(value) > _MOST:
        raise ValueError(
            f"{str(value)[:60]!r} is no requirement; write text such as pandas>=2, at most {_MOST} long"
        )
    text = re.sub(r"\s--hash=\S+", "", re.sub(r"(^|\s)#.*", "", value)).strip().rstrip("\\").strip()
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
    return str(found)
