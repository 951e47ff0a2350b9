from __future__ import annotations

import pytest

from tensorfleet.errors import InvalidInput
from tensorfleet.registry.conditions import alias_tag, expected_version
from tensorfleet.registry.model import ANY


def test_what_the_headers_expect() -> None:
    assert expected_version(None, None) is ANY
    assert expected_version("*", None) is ANY
    assert expected_version(None, "*") is None
    assert expected_version(alias_tag(12), None) == 12


@pytest.mark.parametrize(
    ("if_match", "if_none_match"),
    [
        ("12", None),
        ('"12"', None),
        ('W/"version-1"', None),
        ('"version-1", "version-2"', None),
        ("", None),
        (f'"version-{10**12}"', None),
        (None, '"version-1"'),
        ("*", "*"),
    ],
)
def test_what_cannot_be_understood_is_refused(if_match: str | None, if_none_match: str | None) -> None:
    with pytest.raises(InvalidInput, match="of an alias"):
        expected_version(if_match, if_none_match)
