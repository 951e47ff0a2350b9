"""The page on tuning says what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from tensorfleet.tuning.schemas import TuneSpec

PAGE = (Path(__file__).parents[3] / "docs" / "tuning.md").read_text()


def rows_below(heading: str) -> set[str]:
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))


def test_every_field_is_told() -> None:
    assert rows_below("`tune`") == set(TuneSpec.model_fields)


def test_every_sampler_and_pruner_is_told() -> None:
    assert rows_below("Samplers") == set(get_args(TuneSpec.model_fields["sampler"].annotation))
    told = next(line for line in PAGE.splitlines() if line.startswith("| `pruner` |"))
    for pruner in get_args(TuneSpec.model_fields["pruner"].annotation):
        assert f"`{pruner}`" in told


def test_the_limits_are_the_real_ones() -> None:
    told = next(line for line in PAGE.splitlines() if line.startswith("| `trials` |"))
    for number in (1, 10_000):
        TuneSpec.model_validate(
            {
                "space": {"a": {"int": [1, 2]}},
                "objective": {"metric": "m", "direction": "minimize"},
                "trials": number,
            }
        )
        assert str(number) in told
