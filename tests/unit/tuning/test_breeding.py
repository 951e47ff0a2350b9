"""Who trains on from whom: a pure function of the scores and a seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from tensorfleet.tuning.breeding import drawn, exploited, explored, legs
from tensorfleet.tuning.model import AGAIN, Trial, TrialState
from tensorfleet.tuning.population import Place, Rules, dead_generation, openings, place_of
from tensorfleet.tuning.space import parse_space

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPACE = parse_space(
    {
        "rate": {"float": [1e-4, 1], "log": True},
        "drop": {"float": [0, 0.5], "step": 0.1},
        "width": {"int": [1, 64]},
        "kind": {"choice": ["a", "b", "c"]},
    }
)
RULES = Rules(4, 3)


def generation(number: int, *values: float | str, first: int = 0) -> list[Trial]:
    """The trials of one generation: a number is the score of a completed one, a word the state of another."""
    found = []
    for member, value in enumerate(values):
        notes = Place(number, member, None if number == 0 else 0).to_notes()
        params = {"rate": 0.01, "drop": 0.2, "width": member + 1, "kind": "a"}
        trial = Trial("j-s", first + member, f"j-{first + member}", params, NOW, notes=notes)
        if isinstance(value, str):
            trial = replace(trial, state=TrialState(value))
        else:
            trial = replace(trial, state=TrialState.COMPLETED, values=(value,))
        found.append(trial)
    return found


def members(trials: list[Trial]) -> dict[int, Trial]:
    return {place_of(trial).member: trial for trial in trials}


def test_first_every_member_is_drawn_from_the_space() -> None:
    found = legs(RULES, SPACE, 7, [])
    assert [leg.place for leg in found] == [Place(0, member) for member in range(4)]
    assert len({leg.params["rate"] for leg in found}) == 4
    assert found == legs(RULES, SPACE, 7, []), "again the same"
    assert [leg.params for leg in found] != [leg.params for leg in legs(RULES, SPACE, 8, [])]
    late = legs(RULES, SPACE, 7, generation(0, 0.5, "running"))
    assert late == found[2:], "however many were begun before"


@pytest.mark.parametrize("last", ["running", "failed", 0.1])
def test_a_generation_waits_for_the_whole_one_before(last: Any) -> None:
    trials = generation(0, 0.9, 0.8, 0.7, last)
    assert openings(RULES, trials) == ([] if last == "running" else [(1, member) for member in range(4)])


def test_the_worst_goes_on_from_the_best_with_changes_and_the_others_as_they_are() -> None:
    trials = generation(0, 0.5, 0.9, 0.2, 0.6)
    found = legs(RULES, SPACE, 7, trials)
    assert [(leg.place.member, leg.place.parent, leg.place.copied) for leg in found] == [
        (0, 0, False), (1, 1, False), (2, 1, True), (3, 3, False)
    ]  # fmt: skip
    assert [leg.params for leg in found if not leg.place.copied] == [trials[n].params for n in (0, 1, 3)]
    copy = found[2].params
    assert copy != trials[1].params
    assert found == legs(RULES, SPACE, 7, list(trials))


@pytest.mark.parametrize(
    ("size", "quantile", "sign", "copied", "sources"),
    [
        (8, 0.25, 1.0, {0, 1}, {6, 7}),
        (8, 0.25, -1.0, {6, 7}, {0, 1}),
        (8, 0.5, 1.0, {0, 1, 2, 3}, {4, 5, 6, 7}),
        (5, 0.5, 1.0, {0, 1}, {3, 4}),
        (2, 0.1, 1.0, {0}, {1}),
    ],
)
def test_truncation_selection(
    size: int, quantile: float, sign: float, copied: set[int], sources: set[int]
) -> None:
    rules = Rules(size, 3, quantile, sign=sign)
    before = members(generation(0, *(float(member) for member in range(size))))
    seen: set[int] = set()
    for seed in range(40):
        parents = exploited(rules, before, seed, 1)
        assert {member for member, parent in parents.items() if parent != member} == copied
        seen |= {parents[member] for member in copied}
    assert seen == sources


def test_all_that_failed_are_replaced_and_nobody_else_then() -> None:
    parents = exploited(RULES, members(generation(0, 0.1, "failed", "cancelled", 0.3)), 7, 1)
    assert (parents[0], parents[3]) == (0, 3)
    assert parents[1] == parents[2] == 3
    one_left = exploited(RULES, members(generation(0, "failed", "failed", 0.1, "failed")), 7, 1)
    assert set(one_left.values()) == {2}


def test_it_ends_with_the_last_generation_or_with_one_that_nobody_completed() -> None:
    first, second = generation(0, 1, 2, 3, 4), generation(1, 1, 2, 3, 4, first=4)
    third = generation(2, 1, 2, 3, 4, first=8)
    assert openings(RULES, [*first, *second, *third]) == []
    assert dead_generation(RULES, [*first, *second, *third]) is None
    dead = generation(1, "failed", "cancelled", "failed", "failed", first=4)
    assert openings(RULES, [*first, *dead]) == []
    assert legs(RULES, SPACE, 7, [*first, *dead]) == []
    assert dead_generation(RULES, [*first, *dead]) == 1


def test_of_a_leg_that_was_run_again_the_last_one_counts() -> None:
    trials = generation(0, 0.5, "failed", 0.3, 0.4)
    again = replace(
        trials[1], number=4, state=TrialState.COMPLETED, values=(0.9,), notes={**trials[1].notes, AGAIN: 1}
    )
    found = legs(RULES, SPACE, 7, [*trials, again])
    assert [leg.place.parent for leg in found] == [0, 4, 4, 3]


def test_what_is_explored_stays_in_the_space_and_moves_by_the_factors() -> None:
    rules = Rules(4, 3, resample=0.0)
    params = {"rate": 0.9, "drop": 0.1, "width": 1, "kind": "b"}
    found = [explored(rules, SPACE, params, Random(seed)) for seed in range(200)]
    assert {round(one["rate"], 6) for one in found} == {0.72, 1.0}, "0.9 x 0.8, and 0.9 x 1.2 cut at the end"
    assert {round(one["drop"], 6) for one in found} == {0.0, 0.2}, "a step further, where a factor is less"
    assert {one["width"] for one in found} == {2}
    assert {one["kind"] for one in found} == {"a", "c"}, "a neighbour"
    assert all(isinstance(one["width"], int) for one in found)


def test_at_the_end_of_a_range_it_moves_the_other_way() -> None:
    rules = Rules(4, 3, resample=0.0)
    for end, inside in (({"rate": 1.0, "drop": 0.5, "width": 64, "kind": "c"}, max),
                        ({"rate": 1e-4, "drop": 0.0, "width": 1, "kind": "a"}, min)):  # fmt: skip
        for seed in range(50):
            moved = explored(rules, SPACE, end, Random(seed))
            assert all(moved[name] != end[name] for name in end)
            assert inside(moved["rate"], end["rate"]) == end["rate"]
    alone = parse_space({"kind": {"choice": ["a"]}, "n": {"int": [3, 3]}, "x": {"float": [0.5, 0.5]}})
    only = {"kind": "a", "n": 3, "x": 0.5}
    assert explored(rules, alone, only, Random(1)) == only


def test_some_are_drawn_anew() -> None:
    always = Rules(4, 3, resample=1.0)
    params = {"rate": 0.01, "drop": 0.2, "width": 8, "kind": "b"}
    found = [explored(always, SPACE, params, Random(seed)) for seed in range(300)]
    assert {one["kind"] for one in found} == {"a", "b", "c"}
    assert min(one["width"] for one in found) < 5
    assert max(one["width"] for one in found) > 60
    rates = sorted(one["rate"] for one in found)
    assert 0.001 < rates[150] < 0.1, "the middle of the orders of magnitude"
    assert {round(10 * one["drop"]) for one in found} == {0, 1, 2, 3, 4, 5}


def test_whole_numbers_on_steps() -> None:
    space = parse_space({"n": {"int": [3, 11], "step": 4}, "m": {"int": [1, 1000], "log": True}})
    found = [drawn(space, Random(seed)) for seed in range(100)]
    assert {one["n"] for one in found} == {3, 7, 11}
    assert sorted(one["m"] for one in found)[50] < 100
    moved = {explored(Rules(4, 3, resample=0), space, {"n": 7, "m": 1}, Random(s))["n"] for s in range(50)}
    assert moved == {3, 11}
