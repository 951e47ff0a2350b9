from __future__ import annotations

import pytest

from tests import leaks


def pytest_configure(config: pytest.Config) -> None:
    # As a plugin of its own: hooks in a conftest do not see the fixtures of the session.
    config.pluginmanager.register(leaks, "leak-check")
