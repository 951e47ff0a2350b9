"""Many jobs at once: what may be asked, and what each one is answered."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tensorfleet.jobs import bulk


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["j-1"], "filter": {"status": "queued"}},
        {"filter": {}},
        {"filter": {"status": "sleeping"}},
        {"filter": {"colour": "red"}},
        {"filter": {"name": None}},
        {"ids": ["j"] * 1001},
        {"ids": ["j" * 65]},
        {"ids": [1]},
        {"ids": ["j-1"], "limit": 0},
    ],
)
def test_what_does_not_say_which_jobs_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bulk.Many.model_validate(body)


def test_what_says_so() -> None:
    assert bulk.Many.model_validate({"ids": ["j"] * 1000}).ids == ["j"] * 1000
    found = bulk.Many.model_validate({"filter": {"status": "queued", "study": "j-1"}, "limit": 5})
    assert (found.filter and found.filter.study, found.limit) == ("j-1", 5)
