"""Settings of autoscaling: what is taken, and what is said about what is not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tensorfleet.composition import limits_of
from tensorfleet.errors import InvalidInput
from tensorfleet.settings import load_settings
from tensorfleet.settings_autoscale import days_of


def load(home: Path, text: str):  # type: ignore[no-untyped-def]
    (home / "tensorfleet.yaml").write_text(text)
    return load_settings(home=home)


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path, "port: 1").autoscale.enabled is False
    monkeypatch.setenv("TENSORFLEET_AUTOSCALE__ENABLED", "true")
    monkeypatch.setenv("TENSORFLEET_AUTOSCALE__MAX", "7")
    found = load(tmp_path, "autoscale: {min: 2}").autoscale
    assert (found.enabled, found.min, found.max) == (True, 2, 7)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{min: 5, max: 3}", "setting 'autoscale.max' has to be at least min, which is 5, but is 3"),
        ("{min: 12}", "setting 'autoscale.max' has to be at least min, which is 12, but is 10"),
        (
            "{scale_up_threshold: 0.2}",
            "'autoscale.scale_down_threshold' has to be under scale_up_threshold, which is 0.2, but is 0.3",
        ),
        ("{schedule: [{min: 11}]}", "setting 'autoscale.schedule' may have no min over max, which is 10"),
        (
            "{schedule: [{min: 1, days: moon}]}",
            "days' is not a list of days such as mon-fri or sat, sun, but is 'moon'",
        ),
        ("{schedule: [{min: 1, from: noon}]}", "from' is not a time of day such as 18:30, but is 'noon'"),
        ("{schedule: [{min: 1, to: '25:00'}]}", "to' should be less than or equal to 1440"),
        ("{schedule: [{min: 1, zone: Mars/Base}]}", "is no time zone that this machine knows"),
        ("{schedule: [{min: 1, zone: ../../etc/passwd}]}", "is no time zone that this machine knows"),
        ("{maximum: 3}", "there is no setting 'autoscale.maximum'; did you mean 'autoscale.max'"),
    ],
)
def test_what_is_refused_and_how(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, f"autoscale: {text}")
    assert complaint in str(caught.value)


def test_windows_become_limits(tmp_path: Path) -> None:
    """YAML reads an unquoted 18:00 as a number of minutes, and 08:00 as a text."""
    text = "autoscale: {min: 1, schedule: [{min: 4, days: mon-fri, from: 08:00, to: 18:00, zone: Europe/Berlin}]}"
    limits = limits_of(load(tmp_path, text))
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    summer = datetime(2026, 7, 6, tzinfo=UTC)
    expected = [
        (monday, 6, 1),
        (monday, 7, 4),
        (monday, 16, 4),
        (monday, 17, 1),
        (summer, 6, 4),
        (summer, 16, 1),
    ]
    assert [(day, hour, limits.least_at(day.replace(hour=hour))) for day, hour, _ in expected] == expected


def test_days() -> None:
    assert days_of("mon-fri") == {0, 1, 2, 3, 4}
    assert days_of("Sat, SUN") == {5, 6}
    assert days_of("fri-mon") == {4, 5, 6, 0}
