"""The HTTP API under requests that Schemathesis makes of its own description: the short form of `make api-fuzz`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import api_fuzz
from tests.integration.platform import Platform, running_platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One for this file: it is left with what the requests made."""
    with running_platform(tmp_path_factory.mktemp("home"), workers=2) as found:
        yield found


@pytest.mark.timeout(900)
def test_no_answer_is_a_defect_or_undocumented(platform: Platform, tmp_path: Path) -> None:
    verdict = api_fuzz.run(platform, tmp_path, "--max-examples", "3", "--phases", "examples,fuzzing,stateful")
    assert verdict.code == 0, verdict.printed
    assert verdict.generated >= 300, str(verdict)
    assert verdict.report["operations"]["tested"] == verdict.report["operations"]["total"], str(verdict)
