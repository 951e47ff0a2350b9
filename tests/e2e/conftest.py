from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import PASSWORD
from tests.integration.platform import Platform, running_platform
from tests.integration.real_browser import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def with_people(platform: Platform) -> Platform:
    for name, role in (("ada", "admin"), ("vic", "viewer")):
        platform.client.access.add_user(name, password=PASSWORD, role=role)
    return platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One for all tests that do not break it."""
    with running_platform(tmp_path_factory.mktemp("home"), workers=2) as found:
        yield with_people(found)


@pytest.fixture
def own_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """For a test that kills parts of it."""
    with running_platform(tmp_path_factory.mktemp("own"), workers=2) as found:
        yield with_people(found)
