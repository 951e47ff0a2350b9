"""If-Match and If-None-Match of an alias: it changes only if it still is as the caller has read it."""

from __future__ import annotations

import re

from tensorfleet.errors import InvalidInput
from tensorfleet.registry.model import ANY, Expected

_TAG = re.compile(r'"version-(\d{1,9})"')


def alias_tag(version: int) -> str:
    return f'"version-{version}"'


def expected_version(if_match: str | None, if_none_match: str | None) -> Expected:
    """Where the alias has to point for the change to be made: a version, nowhere (None), or wherever (ANY).

    Raises:
        InvalidInput: a header is not understood, and a condition that is left out would be worse than none.
    """
    if if_none_match is not None:
        if if_none_match.strip() != "*" or if_match is not None:
            raise InvalidInput("If-None-Match of an alias is '*', and stands alone: it is to be a new one")
        return None
    if if_match is None or if_match.strip() == "*":
        return ANY
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidInput(
            f"If-Match '{if_match[:60]}' is not the ETag of an alias; read the alias for its ETag"
        )
    return int(found.group(1))
