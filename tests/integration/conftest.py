from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.platform import Platform, running_platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for all tests that do not break it."""
    with running_platform(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform for a test that kills parts of it."""
    with running_platform(tmp_path / "home") as found:
        yield found
