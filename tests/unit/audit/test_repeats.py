from __future__ import annotations

from dataclasses import replace

from tensorfleet.audit.model import Draft
from tensorfleet.audit.repeats import MANY, Repeats

DRAFT = Draft("a-1", 0, "jobs.submit", target="j-1", source="10.0.0.1", outcome=401)


def test_the_first_is_told_and_the_others_are_counted() -> None:
    repeats = Repeats(window_us=60)
    assert repeats.is_first("x", DRAFT)
    for at in (1, 2, 59):
        assert not repeats.is_first("x", replace(DRAFT, id=f"a-{at}", at=at))
    assert repeats.due(59) == []
    assert repeats.due(60) == [replace(DRAFT, id="a-1", at=1, count=3)]
    assert repeats.due(1000) == []
    assert repeats.is_first("x", replace(DRAFT, at=61))


def test_kinds_are_counted_apart() -> None:
    repeats = Repeats(window_us=60)
    assert repeats.is_first("x", DRAFT)
    assert repeats.is_first("y", DRAFT)
    assert not repeats.is_first("y", DRAFT)
    assert [draft.count for draft in repeats.due(None)] == [1]


def test_a_flood_of_kinds_is_one_more_kind() -> None:
    repeats = Repeats(window_us=60, most=3)
    told = sum(repeats.is_first(number, DRAFT, DRAFT) for number in range(10_000))
    assert told == 3
    (others,) = repeats.due(60)
    assert (others.action, others.count, others.source, others.target) == (MANY, 9_997, None, None)


def test_what_must_not_be_lumped_together_is_told_one_by_one() -> None:
    repeats = Repeats(window_us=60, most=3)
    assert all(repeats.is_first(number, DRAFT) for number in range(100))


def test_counted_ones_are_told_as_their_kind_is() -> None:
    repeats = Repeats(window_us=60)
    for at in range(3):
        repeats.is_first("x", replace(DRAFT, target=f"j-{at}"), replace(DRAFT, target=None))
    (told,) = repeats.due(None)
    assert (told.target, told.count) == (None, 2)
