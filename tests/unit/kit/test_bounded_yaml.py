from __future__ import annotations

import time

import pytest
import yaml

from tensorfleet.kit.bounded_yaml import MOST_DEPTH, load_bounded


def bomb(levels: int, form: str) -> str:
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, levels):
        many = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + form.format(many))
    return "\n".join(lines)


def test_a_merge_bomb_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(yaml.YAMLError, match="merges too many entries"):
        load_bounded(bomb(12, "{{<<: [{}]}}"))
    assert time.process_time() - began < 1.0


def test_one_long_merge_is_refused_before_it_is_made() -> None:
    big = "a: &a {" + ", ".join(f"k{number}: 1" for number in range(5000)) + "}\nb:\n  <<: ["
    with pytest.raises(yaml.YAMLError, match="merges too many entries"):
        load_bounded(big + ", ".join(["*a"] * 5000) + "]")


def test_aliases_share_what_they_stand_for() -> None:
    found = load_bounded(bomb(9, "[{}]"))
    assert found["a8"][0] is found["a8"][8]


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_what_is_too_deep_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="nested too deeply"):
        load_bounded(text)


def test_what_people_write_is_read() -> None:
    assert load_bounded("a: &a {x: 1}\nb: {<<: *a, y: 2}") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}
    assert load_bounded(b"<<: [{a: 1}, {b: 2}]") == {"a": 1, "b": 2}
    many = "\n".join(f"k{number}: {number}" for number in range(20_000))
    assert len(load_bounded(many)) == 20_000
    depth = MOST_DEPTH - 1
    assert load_bounded("[" * depth + "]" * depth) is not None
    assert load_bounded("") is None


def test_nothing_is_made_of_python() -> None:
    with pytest.raises(yaml.YAMLError):
        load_bounded("!!python/object/apply:os.system [id]")
