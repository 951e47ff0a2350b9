"""What is due, by whose rule, and what stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.errors import InvalidInput
from tensorfleet.gateway.retention import rules_of
from tensorfleet.retention.model import Ended, Kind, is_due, why_kept
from tensorfleet.settings import load_settings

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def ended(days: float, workspace: str = "default", labels: dict[str, object] | None = None) -> Ended:
    return Ended("j-1", "cats", workspace, NOON - timedelta(days=days), labels or {}, None)


def test_a_workspace_has_its_own_rules_and_those_of_all() -> None:
    given = {"jobs": "90d", "logs": "30d", "workspaces": {"vision": {"jobs": "10d"}, "legal": {"jobs": None}}}
    rules = rules_of(load_settings(retention=given).retention)

    assert rules.shortest(Kind.JOBS) == timedelta(days=10)
    assert rules.shortest(Kind.METRICS) is None
    assert is_due(ended(91), Kind.JOBS, rules, NOON)
    assert not is_due(ended(89), Kind.JOBS, rules, NOON)
    assert is_due(ended(11, "vision"), Kind.JOBS, rules, NOON)
    assert is_due(ended(31, "vision"), Kind.LOGS, rules, NOON)
    assert not is_due(ended(3000, "legal"), Kind.JOBS, rules, NOON)
    assert is_due(ended(31, "legal"), Kind.LOGS, rules, NOON)
    assert not is_due(ended(9999), Kind.METRICS, rules, NOON)


def test_nothing_is_removed_unless_somebody_says_so() -> None:
    rules = rules_of(load_settings().retention)
    assert not any(is_due(ended(10**5), kind, rules, NOON) for kind in Kind)


def test_what_stays() -> None:
    def why(
        job: Ended, kind: Kind = Kind.JOBS, *, registered: bool = False, in_study: bool = False
    ) -> str | None:
        return why_kept(job, kind, registered=registered, in_study=in_study)

    assert why(ended(1)) is None
    assert "model" in str(why(ended(1), registered=True))
    assert "study" in str(why(ended(1), in_study=True))
    pinned = ended(1, labels={"retention": "keep"})
    assert all("label" in str(why(pinned, kind)) for kind in Kind)
    assert why(ended(1, labels={"retention": "x"})) is None


@pytest.mark.parametrize(
    "wrong", [{"jobs": "1s"}, {"jobs": "soon"}, {"logs": -1}, {"workspaces": {"a": {"job": "1d"}}}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="retention"):
        load_settings(retention=wrong)
