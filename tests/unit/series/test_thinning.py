"""Fewer points, the same picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tensorfleet.series.columns import NO_STEP, Columns, Reported, latest
from tensorfleet.series.plan import Source, Wanted, table_of, thin_enough
from tensorfleet.series.segment import BUCKET, PIECE, segment_of, thin_points
from tensorfleet.series.thinning import thinned

VALUES = st.one_of(st.floats(allow_nan=True, allow_infinity=False), st.just(0.0), st.just(float("nan")))
COURSES = st.lists(
    st.lists(
        st.tuples(st.integers(-(2**61), 2**61) | st.integers(0, 300) | st.just(NO_STEP), VALUES), max_size=80
    ),
    min_size=1,
    max_size=4,
)


def columns_of(courses: list[list[tuple[int, float]]]) -> Columns:
    series = np.array([n for n, course in enumerate(courses) for _ in course], np.int64)
    step = np.array([step for course in courses for step, _ in course], np.int64)
    value = np.array([value for course in courses for _, value in course], np.float64)
    return Columns(series, step, np.arange(len(step)), value, step)


def rows(columns: Columns, series: int) -> list[tuple[int, int, str]]:
    mine = columns.taken(columns.series == series)
    return list(zip(mine.step.tolist(), mine.at.tolist(), map(repr, mine.value.tolist()), strict=True))


@settings(deadline=None)
@given(COURSES, st.integers(1, 40))
def test_thinning_keeps_extremes_ends_order_and_the_limit(
    courses: list[list[tuple[int, float]]], points: int
) -> None:
    whole = latest(columns_of(courses))
    found = thinned(whole, points)
    for number in range(len(courses)):
        before, after = rows(whole, number), rows(found, number)
        assert len(after) <= points
        assert set(after) <= set(before)
        assert after == sorted(after, key=lambda row: row[0])
        if len(before) <= points:
            assert after == before
            continue
        assert after[-1] == before[-1]
        assert points == 1 or after[0] == before[0]
        values = whole.value[(whole.series == number) & (whole.step != NO_STEP)]
        if points >= 5 and not np.all(np.isnan(values)):
            kept = found.value[found.series == number]
            assert np.fmin.reduce(values) in kept
            assert np.fmax.reduce(values) in kept


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), VALUES), max_size=100))
def test_the_later_value_of_a_step_counts(course: list[tuple[int, float]]) -> None:
    found = latest(columns_of([course]))
    expected = dict(course)
    assert found.step.tolist() == sorted(expected)
    assert [repr(value) for value in found.value.tolist()] == [
        repr(expected[step]) for step in sorted(expected)
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(2000, 30_000), st.integers(0, 2**32), st.integers(1, 9), st.integers(5, 60))
def test_a_roll_up_that_is_enough_has_what_each_part_of_the_chart_shows(
    size: int, seed: int, gap: int, points: int
) -> None:
    """The greatest and the least of every part are in it, or a greater and a lesser one right beside it."""
    random = np.random.default_rng(seed)
    step = np.cumsum(random.integers(1, gap + 1, size))
    whole = Columns(np.zeros(size, np.int64), step, step, random.normal(size=size), step)
    segment = segment_of(Reported(["loss"], whole))
    pieces = np.frombuffer(segment.pieces, PIECE)
    table = table_of([Source(0, ("loss",), pieces)], Wanted(points=points))
    assume(thin_enough(table, Wanted(points=points)).all())
    rolled = thin_points(pieces, segment.thin, np.array([True]), np.zeros(1, np.int64))
    found = thinned(latest(rolled), points)
    assert len(rolled) <= 3 * (len(step) // BUCKET + 1) + 1
    assert len(found) <= points
    width = (step[-1] - step[0] + 1) / ((points - 2) // 2)
    for begin in np.arange(step[0], step[-1] - 2.5 * width, width / 2):
        inside = (step >= begin + width) & (step < begin + 1.5 * width)
        near = (found.step >= begin) & (found.step < begin + 2.5 * width)
        if inside.any():
            assert found.value[near].max() >= whole.value[inside].max()
            assert found.value[near].min() <= whole.value[inside].min()


def test_a_peak_of_one_point_is_seen_in_every_part_of_the_chart() -> None:
    value = np.zeros(1_000_000)
    value[5_000::10_000] = np.arange(1, 101)
    step = np.arange(1_000_000)
    found = thinned(Columns(np.zeros(len(step), np.int64), step, step, value, step), 300)
    assert set(range(1, 101)) <= set(found.value.tolist())


@pytest.mark.parametrize(("points", "kept"), [(1, [99]), (2, [0, 99]), (3, [0, 99]), (4, [0, 40, 60, 99])])
def test_few_points(points: int, kept: list[int]) -> None:
    value = np.zeros(100)
    value[[40, 60]] = -1.0, 1.0
    step = np.arange(100)
    found = thinned(Columns(np.zeros(100, np.int64), step, step, value, step), points)
    assert found.step.tolist() == kept


def test_gaps_do_not_hide_values() -> None:
    value = np.full(1000, np.nan)
    value[500] = 3.0
    step = np.arange(1000)
    found = thinned(Columns(np.zeros(1000, np.int64), step, step, value, step), 10)
    assert 3.0 in found.value
    assert len(found) <= 10
