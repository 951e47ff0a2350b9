"""Settings of the health of machines, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tensorfleet.composition import health_limits_of, health_pace_of
from tensorfleet.errors import InvalidInput
from tensorfleet.health.model import Limits, Pace
from tensorfleet.settings import Settings, load_settings


def load(home: Path, text: str) -> Settings:
    (home / "tensorfleet.yaml").write_text(f"health: {text}")
    return load_settings(home=home)


def test_the_defaults_are_those_of_the_verdict(tmp_path: Path) -> None:
    settings = load(tmp_path, "{}")
    assert health_limits_of(settings) == Limits()
    assert health_pace_of(settings) == Pace()
    other = load(tmp_path, "{clock_failed_s: 5, link_speed: 500MiB, failures: 1, fresh_s: 0}")
    assert health_limits_of(other) == Limits(clock_failed_s=5, link_bytes_s=500 * 1024**2)
    assert health_pace_of(other) == Pace(failures=1, fresh_s=0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "{clock_failed_s: 1}",
            "'health.clock_failed_s' has to be at least clock_degraded_s, which is 2, but is 1",
        ),
        ("{recheck_first_s: 60, recheck_most_s: 5}", "has to be at least recheck_first_s, which is 60"),
        ("{memory_failed: 0.5}", "has to be at most memory_degraded, which is 0.1"),
        ("{disk_free: 7}", "setting 'health.disk_free'"),
        ("{swap_failed: much}", "setting 'health.swap_failed'"),
        ("{clok_failed_s: 5}", "there is no setting 'health.clok_failed_s'"),
    ],
)
def test_what_cannot_be_meant(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, text)
    assert complaint in refused.value.detail
