from __future__ import annotations

import pytest

from tensorfleet.datasets.model import check_name, guess_target, parse_reference
from tensorfleet.errors import InvalidInput


@pytest.mark.parametrize(
    ("reference", "expected"),
    [("digits", ("digits", None)), ("a.b-c_1@12", ("a.b-c_1", 12)), ("digits@latest", ("digits", None))],
)
def test_references(reference: str, expected: tuple[str, int | None]) -> None:
    assert parse_reference(reference) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "@1",
        "../x",
        "/etc/passwd",
        "a/b",
        "nul\0",
        "a@",
        "a@0",
        "a@-1",
        "a@x",
        "a@1.5",
        "a@²",
        "a@" + "9" * 5000,
        ".a",
    ],
)
def test_bad_references(reference: str) -> None:
    with pytest.raises(InvalidInput):
        parse_reference(reference)


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidInput, match="has 10000 characters") as caught:
        check_name("x" * 10_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "Species", "b"], "Species"),
        (["label", "target", "b"], "target"),
        (["a", " class ", "b"], " class "),
        (["a", "b"], "b"),
        ([], None),
    ],
)
def test_the_guessed_target(names: list[str], expected: str | None) -> None:
    assert guess_target(names) == expected
