"""The spool on real files: what was begun is found by the next process, once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tensorfleet.audit.model import Draft
from tensorfleet.audit.spool import Spool


def draft(number: int) -> Draft:
    return Draft(f"a-{number}", number, "jobs.submit", target="j-ä\u2028\n")


def abandon(spool: Spool) -> None:
    """As a killed process leaves it: the locks are gone, the files are not."""
    current = spool._current
    if current is not None:
        os.close(current.descriptor)
        spool._current = None


def left_in(folder: Path) -> list[Draft]:
    return [found for drafts in Spool(folder).leftovers() for found in drafts]


def test_what_was_begun_is_left_with_what_became_of_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "audit")
    segments = [spool.begin(draft(number)) for number in range(4)]
    spool.rewrite(segments[1], replace(draft(1), outcome=201))
    spool.drop(segments[2], draft(2))
    spool.sync(segments[0])
    abandon(spool)
    assert left_in(tmp_path / "audit") == [draft(0), replace(draft(1), outcome=201), draft(3)]
    assert left_in(tmp_path / "audit") == []
    assert list((tmp_path / "audit").iterdir()) == []


def test_what_a_living_process_holds_is_left_to_it(tmp_path: Path) -> None:
    mine, others = Spool(tmp_path), Spool(tmp_path)
    segment = mine.begin(draft(1))
    others.begin(draft(2))
    assert list(mine.leftovers()) == []
    abandon(others)
    assert list(mine.leftovers()) == [[draft(2)]]
    mine.done(segment)
    mine.close()
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_removed_when_all_of_it_is_in_the_chain(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=1)
    first, second = spool.begin(draft(1)), spool.begin(draft(2))
    assert first is not second
    assert len(list(tmp_path.iterdir())) == 2
    spool.rewrite(first, replace(draft(1), outcome=200))
    spool.done(first)
    assert list(tmp_path.iterdir()) == [second.path]
    spool.done(second)
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_closed_with_something_open_it_stays_for_the_next_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.done(spool.begin(draft(1)))
    spool.begin(draft(2))
    spool.close()
    assert [found.id for found in left_in(tmp_path)] == [
        "a-1",
        "a-2",
    ]  # the chain knows by its id that it has the first


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    segment = spool.begin(draft(1))
    os.write(segment.descriptor, b'\n{"id":"a-2","at":')
    spool.begin(draft(3))
    os.write(segment.descriptor, b'\n[1]\n{"x":1}\n"a"\n{"id":[],"at":1,"action":2}\n\xff\n')
    abandon(spool)
    assert [found.id for found in left_in(tmp_path)] == ["a-1", "a-3"]


def test_taking_over_that_breaks_off_leaves_all_for_the_next_try(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.begin(draft(1))
    abandon(spool)
    broken_off = Spool(tmp_path).leftovers()
    assert next(broken_off) == [draft(1)]
    broken_off.close()  # type: ignore[attr-defined]
    assert left_in(tmp_path) == [draft(1)]


def full_disk(_descriptor: int, _data: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def cut_short(descriptor: int, data: bytes) -> int:
    return len(data) // 2


@pytest.mark.parametrize("write", [full_disk, cut_short])
def test_a_full_disk_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[int, bytes], int]
) -> None:
    spool = Spool(tmp_path)
    with monkeypatch.context() as full:
        full.setattr("tensorfleet.audit.spool.os.write", write)
        with pytest.raises(OSError, match=r"No space left|is full"):
            spool.begin(draft(1))
    spool.done(spool.begin(draft(2)))
    spool.close()
    assert list(tmp_path.iterdir()) == []
