from __future__ import annotations

import pytest

from tensorfleet.kit.units import format_bytes, format_duration, parse_duration_s, parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (7, 7),
        ("0", 0),
        ("512", 512),
        ("1k", 1000),
        ("512MiB", 512 * 1024**2),
        (" 1.5 GB ", 1_500_000_000),
        ("2gib", 2 * 1024**3),
        ("3Ti", 3 * 1024**4),
    ],
)
def test_sizes_are_read(text: str | int, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "MB", "-1", "1 XB", "1.2.3", "1e9", "1 GB 2", "nan", "0x10"])
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write it like 512MiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(90, 90.0), (0.25, 0.25), ("90", 90.0), ("1.5", 1.5), ("90s", 90.0), ("250ms", 0.25), ("1h30m", 5400.0),
     ("1 d 1 s", 86401.0), ("1.5h", 5400.0)],
)  # fmt: skip
def test_durations_are_read(text: str | float, expected: float) -> None:
    assert parse_duration_s(text) == expected


@pytest.mark.parametrize("text", ["", "s", "1x", "-5s", "1h 30", "1..5", "soon"])
def test_what_is_no_duration_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it like 90s"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (3_200_000, "3.2 MB"), (1e9, "1.0 GB"), (2.5e15, "2500.0 TB")],
)
def test_bytes_are_shown(count: float, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.85, "850 ms"), (12.34, "12.3 s"), (245, "4 m 05 s"), (7380, "2 h 03 m"), (0, "0 ms"),
     (59.97, "1 m 00 s"), (3599.7, "1 h 00 m"), (0.9996, "1.0 s")],
)  # fmt: skip
def test_durations_are_shown(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
