"""Sizes and durations as people write them: `1GiB`, `90s`, `1h30m`."""

from __future__ import annotations

import re

_SIZES = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 1000**2, "mb": 1000**2, "g": 1000**3, "gb": 1000**3, "t": 1000**4,
          "tb": 1000**4, "ki": 1024, "kib": 1024, "mi": 1024**2, "mib": 1024**2, "gi": 1024**3, "gib": 1024**3,
          "ti": 1024**4, "tib": 1024**4}  # fmt: skip
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")


def parse_size(text: str | int) -> int:
    """Bytes in `512MiB`, `1.5 GB` or a plain number.

    Raises:
        ValueError: it is not a size.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    if not isinstance(text, str):
        raise ValueError(f"{str(text)[:60]!r} is not a size; write it like 512MiB or 2GB")
    match = re.fullmatch(r"\s*(\d{1,30}(?:\.\d{1,30})?)\s*([a-zA-Z]{0,3})\s*", text)
    if match is None or match.group(2).lower() not in _SIZES:
        raise ValueError(f"'{text[:60]}' is not a size; write it like 512MiB or 2GB")
    return int(float(match.group(1)) * _SIZES[match.group(2).lower()])


def parse_duration_s(text: str | float) -> float:
    """Seconds in `90s`, `1h30m`, `250ms` or a plain number.

    Raises:
        ValueError: it is not a duration.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    if not isinstance(text, str):
        raise ValueError(f"{str(text)[:60]!r} is not a duration; write it like 90s, 15m or 1h30m")
    compact = text.replace(" ", "") if len(text) <= 100 else ""
    if re.fullmatch(r"\d+\.?\d*", compact, re.ASCII):
        return float(compact)
    if not _DURATION.fullmatch(compact):
        raise ValueError(f"'{text[:60]}' is not a duration; write it like 90s, 15m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(compact))


def format_bytes(count: float) -> str:
    """`3.2 MB`, decimal units, as download tools print them."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def format_money(amount: float) -> str:
    """`12.30`; with two more digits where that would hide most of it: `0.0123`."""
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.4f}"


def format_duration(seconds: float) -> str:
    """`850 ms`, `12.3 s`, `4 m 05 s`, `2 h 03 m`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m"
