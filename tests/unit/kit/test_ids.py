from __future__ import annotations

import re
import time

from tensorfleet.kit.ids import new_id


def test_ids_are_readable_and_differ() -> None:
    found = [new_id("j") for _ in range(2000)]
    assert all(re.fullmatch(r"j-[0-9a-hjkmnp-tv-z]{16}", one) for one in found)
    assert len(set(found)) == len(found)


def test_later_ids_sort_after_earlier_ones() -> None:
    first = new_id("j")
    before = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == before:
        pass
    assert new_id("j") > first
