"""The HTTP API under requests that Schemathesis makes of its own description: the short form of `make api-fuzz`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import api_fuzz
from tests.integration.platform import Platform, running_platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """One for each run: it is left with what the requests made, and with workers that take nothing any more."""
    with running_platform(tmp_path / "home", workers=2) as found:
        yield found


@pytest.mark.timeout(900)
def test_no_answer_is_a_defect_or_undocumented(platform: Platform, tmp_path: Path) -> None:
    verdict = api_fuzz.run(platform, tmp_path, "--max-examples", "3", "--phases", "examples,fuzzing")
    assert verdict.code == 0, verdict.printed
    assert verdict.generated >= 300, str(verdict)
    assert verdict.report["operations"]["tested"] == verdict.report["operations"]["total"], str(verdict)


@pytest.mark.timeout(900)
def test_what_is_made_is_read_changed_and_deleted(platform: Platform, tmp_path: Path) -> None:
    """Links lead from each call to those that take a part of its answer, several steps far."""
    verdict = api_fuzz.run(platform, tmp_path, "--max-examples", "40", "--phases", "stateful")
    assert verdict.code == 0, verdict.printed
    followed, there_are = verdict.links
    assert followed >= 40, str(verdict)
    assert there_are >= 180, str(verdict)
