"""Whatever is rolled up and whatever is not: the same answer as from the log alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.series import service
from tensorfleet.series.columns import NO_STEP, reported
from tensorfleet.series.plan import Wanted
from tensorfleet.series.ports import Entry, Grown
from tensorfleet.series.segment import BUCKET, Head, Segment, head_of, names_of, segment_of
from tensorfleet.series.service import SeriesService

Points = list[tuple[int | None, dict[str, float | None]]]
VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.none()
STEPS = st.integers(-5, 400) | st.none()
ENTRIES = st.lists(
    st.lists(st.tuples(STEPS, st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)), max_size=20),
    max_size=12,
)


class MemoryStore:
    """The log's entries 1, 2, 3, ... of one job, in segments up to each of `cuts`."""

    def __init__(self, entries: list[Points], cuts: list[int]) -> None:
        self._log = [
            {"rank": 0, "points": [{"step": s, "at": 1e9 + n, "values": v} for s, v in points]}
            for n, points in enumerate(entries)
        ]
        self._segments: list[tuple[int, int, Segment]] = []
        after = 0
        for cut in cuts:
            found = reported(self._log[after:cut]).get(0)
            if found is not None and len(found.columns):
                self._segments.append((after, cut, segment_of(found)))
                after = cut

    def rolled(self, job_id: str) -> int:
        return max((upto for _, upto, _ in self._segments), default=0)

    def heads(self, job_id: str, rank: int, since: int) -> list[Head]:
        return [
            head_of(after, upto, names_of(one.names), one.pieces)
            for after, upto, one in self._segments
            if after >= since
        ]

    def blobs(
        self, job_id: str, rank: int, after: Sequence[int], *, whole: bool
    ) -> Iterator[tuple[int, bytes]]:
        return iter(
            [(begin, one.whole if whole else one.thin) for begin, _, one in self._segments if begin in after]
        )

    def entries(self, job_id: str, after: int, upto: int | None = None) -> Iterator[Entry]:
        for number, data in enumerate(self._log, 1):
            if after < number <= (upto or len(self._log)):
                yield Entry(number, data)

    def add(self, job_id: str, after: int, upto: int, segments: dict[int, Segment]) -> bool:
        raise NotImplementedError

    def grown(self, position: int, limit: int) -> list[Grown]:
        raise NotImplementedError

    def waiting_bytes(self, job_id: str, upto: int) -> int:
        raise NotImplementedError


def plain(entries: list[Points], since: int = 0) -> dict[str, dict[int, float]]:
    """What the log says: by name and step, the last value."""
    found: dict[str, dict[int, float]] = {}
    for points in entries[since:]:
        for step, values in points:
            for name, value in values.items():
                key = NO_STEP if step is None else step
                found.setdefault(name, {})[key] = math.nan if value is None else value
    return {name: dict(sorted(course.items())) for name, course in found.items()}


def read(store: MemoryStore, **wanted: Any) -> dict[str, dict[int, float]]:
    answer = SeriesService(store).read("j", Wanted(**wanted))
    return {
        one.name: dict(zip(one.points.step.tolist(), one.points.value.tolist(), strict=True))
        for one in answer.courses
    }


def same(found: dict[str, dict[int, float]], expected: dict[str, dict[int, float]]) -> bool:
    return repr({name: list(found[name].items()) for name in sorted(found)}) == repr(
        {name: list(expected[name].items()) for name in sorted(expected)}
    )


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH_POINTS", 50)


@settings(max_examples=60, deadline=None)
@given(
    ENTRIES,
    st.lists(st.integers(1, 12), max_size=5),
    st.integers(0, 12),
    st.integers(-5, 200),
    st.integers(0, 99),
)
def test_in_segments_or_not_it_is_what_the_log_says(
    entries: list[Points], cuts: list[int], since: int, first: int, width: int
) -> None:
    expected = plain(entries)
    store = MemoryStore(entries, sorted({cut for cut in cuts if cut <= len(entries)}))
    assert same(read(store), expected)
    assert same(read(store, since=since), plain(entries, since))
    assert same(read(store, names=frozenset("a")), {k: v for k, v in expected.items() if k == "a"})
    inside = {
        name: {step: value for step, value in course.items() if first <= step <= first + width}
        for name, course in expected.items()
    }
    found = read(store, first=first, last=first + width)
    assert same(found, {name: course for name, course in inside.items() if course})
    for one in SeriesService(store).summary("j", 0)[0]:
        course = expected[one.name]
        values = [value for value in course.values() if not math.isnan(value)]
        steps = [step for step in course if step != NO_STEP] or [NO_STEP]
        assert (one.count, int(one.last.step[0])) == (len(course), steps[-1])
        if values:
            assert (one.least, one.greatest) == (min(values), max(values))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40 * BUCKET), st.integers(1, 20 * BUCKET)), min_size=1, max_size=5),
    st.integers(0, 2**32),
    st.integers(5, 40),
)
def test_attempts_that_repeat_steps_leave_nothing_of_what_they_replace(
    attempts: list[tuple[int, int]], seed: int, points: int
) -> None:
    """Long stretches, so that roll-ups are used where they may be."""
    entries: list[Points] = [
        [(step, {"a": float((step * 7919 + seed * number) % 1009)}) for step in range(begin, begin + size)]
        for number, (begin, size) in enumerate(attempts)
    ]
    expected = plain(entries)["a"]
    for cuts in ([], list(range(1, len(entries) + 1))):
        found = read(MemoryStore(entries, cuts), points=points)["a"]
        assert found.items() <= expected.items()
        assert len(found) <= points
        assert {min(expected), max(expected)} <= found.keys()
        assert {min(expected.values()), max(expected.values())} <= set(found.values())
