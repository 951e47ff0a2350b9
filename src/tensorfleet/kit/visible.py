"""Text from outside as it may be shown: nothing in it begins a line, speaks to a terminal or turns what stands around it."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str, most: int | None = None) -> str:
    """The text with its control characters written out, `\\n` and `\\x1b`; what is beyond `most` characters is only counted."""
    if most is not None and len(text) > most:
        text = f"{text[:most]}... ({len(text)} characters)"
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text) if _CONTROL.search(text) else text
