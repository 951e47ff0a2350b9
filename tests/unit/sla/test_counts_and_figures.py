"""Counts between edges, and what became of jobs and requests."""

from __future__ import annotations

import pytest

from tensorfleet.jobs.model import FailureClass
from tensorfleet.sla.counts import (
    ANSWER_EDGES_S,
    ENDLESS,
    WAIT_EDGES_S,
    edge_of,
    percentile,
    route_class,
    summed,
    within,
)
from tensorfleet.sla.figures import PLATFORM_FAULTS, Answers, Api, Ended, Held, Jobs, Tally

EDGES = (1.0, 2.0, 4.0)


def test_what_takes_exactly_an_edge_lies_below_it() -> None:
    assert [edge_of(seconds, EDGES) for seconds in (0.0, 1.0, 1.1, 4.0, 4.1)] == [1, 1, 2, 4, ENDLESS]


def test_edges_grow() -> None:
    for edges in (ANSWER_EDGES_S, WAIT_EDGES_S):
        assert list(edges) == sorted(set(edges))
        assert edges[-1] < ENDLESS
    assert WAIT_EDGES_S[-1] > 5 * 86400


def test_percentiles_lie_evenly_between_edges() -> None:
    counts = {1.0: 50, 2.0: 40, 4.0: 10}
    assert percentile(counts, 0.5, EDGES) == 1.0
    assert percentile(counts, 0.7, EDGES) == pytest.approx(1.5)
    assert percentile(counts, 0.95, EDGES) == pytest.approx(3.0)
    assert percentile({4.0: 10}, 0.5, EDGES) == pytest.approx(3.0), "empty ones before it are passed over"
    assert percentile({}, 0.5, EDGES) is None
    assert percentile({1.0: 1, ENDLESS: 9}, 0.95, EDGES) == 4.0, "more than that is all that is known"


def test_within_a_limit_between_two_edges() -> None:
    counts = {1.0: 10, 2.0: 10, ENDLESS: 5}
    assert [within(counts, limit, EDGES) for limit in (0.5, 1.0, 1.5, 4.0, 100.0)] == [5, 10, 15, 20, 20]


def test_counts_add_up() -> None:
    assert summed([{1.0: 1, 2.0: 2}, {2.0: 3}, {}]) == {1.0: 1, 2.0: 5}


@pytest.mark.parametrize(
    ("method", "route", "cls"),
    [
        ("POST", "/api/v1/jobs", "submit"),
        ("POST", "/api/v1/jobs/batch", "write"),
        ("GET", "/api/v1/jobs", "read"),
        ("DELETE", "/api/v1/jobs/{job_id}", "write"),
        ("PUT", "/api/v1/uploads/{upload_id}/chunks/{number}", "files"),
        ("POST", "/api/v1/datasets/{name}/versions", "files"),
        ("GET", "/api/v1/datasets/{name}/versions", "read"),
        ("GET", "/api/v1/download/{bucket}/{name:path}", "files"),
        ("GET", "/health", None),
        ("GET", "/metrics", None),
        ("GET", "none", None),
        ("HACK", "/api/v1/jobs", None),
    ],
)
def test_requests_have_classes(method: str, route: str, cls: str | None) -> None:
    assert route_class(method, route) == cls


def test_every_class_of_failure_has_somebody_to_blame() -> None:
    of_platform = {cls for cls in FailureClass if cls.value in PLATFORM_FAULTS}
    assert of_platform == {FailureClass.INFRASTRUCTURE, FailureClass.LOST_WORKER, FailureClass.INTERNAL}


def test_what_users_did_wrong_is_not_the_platforms_failure() -> None:
    jobs = Jobs(
        ended=(
            Ended("completed", None, 90),
            Ended("failed", "user_error", 8),
            Ended("failed", "lost_worker", 1),
            Ended("failed", "internal", 1),
            Ended("failed", None, 2),
            Ended("cancelled", None, 7),
        )
    )
    assert jobs.failures == {"user_error": 8, "lost_worker": 1, "internal": 1, "unknown": 2}
    assert (jobs.platform_failures, jobs.count("cancelled")) == (2, 7)
    assert (jobs.of_platform, jobs.of_all) == (Tally(90, 92), Tally(90, 102))
    assert (Tally(3, 4).share, Tally(3, 4).bad, Tally().share) == (0.75, 1, None)


def test_jobs_of_several_workspaces_add_up() -> None:
    one = Jobs(3, {1.0: 2}, {2.0: 1}, (Ended("completed", None, 2),), Held({1.0: 2}, 5.0, 1.0, 12.0))
    other = Jobs(1, {1.0: 1}, {}, (Ended("failed", "data", 1, 2, 3),), Held({2.0: 1}, 1.0, 0.0, 1.0))
    whole = Jobs.summed([one, other])
    assert (whole.submitted, whole.waits, whole.waiting) == (4, {1.0: 3}, {2.0: 1})
    assert whole.held == Held({1.0: 2, 2.0: 1}, 6.0, 1.0, 13.0)
    assert whole.of_all == Tally(2, 3)
    assert Jobs.summed([]) == Jobs()


def test_a_job_that_waits_for_too_long_is_late_before_it_starts() -> None:
    jobs = Jobs(waits={1.0: 5, 4.0: 2}, waiting={1.0: 4, 2.0: 3, ENDLESS: 1})
    assert jobs.started_within(2.0, EDGES) == Tally(5, 8)
    assert jobs.started_within(1.0, EDGES) == Tally(5, 11)
    assert jobs.started_within(4.0, EDGES) == Tally(7, 8)


def test_a_submission_that_was_answered_with_an_error_was_not_in_time() -> None:
    api = Api(
        answers=(
            Answers("submit", 0.005, 90, 1),
            Answers("submit", 0.5, 5),
            Answers("submit", 1.0, 5),
            Answers("read", 30.0, 50, 50),
        )
    )
    assert api.submissions(0.5) == Tally(94, 100)
    assert api.counts("submit") == {0.005: 90, 0.5: 5, 1.0: 5}
    assert (sum(api.counts().values()), api.errors(), api.errors("submit")) == (150, 51, 1)
