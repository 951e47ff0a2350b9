from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tensorfleet.errors import OverQuota
from tensorfleet.quotas.model import Limits, check_day, check_queue, limits_from, never_fits
from tensorfleet.quotas.schemas import QuotaBody
from tensorfleet.scheduling.model import Demand, Snapshot
from tensorfleet.scheduling.shares import Shares

GIB = 1024**3


@pytest.mark.parametrize(
    ("limits", "resources", "field", "words"),
    [
        (Limits(slots=1), {"workers": 2}, "resources.workers", "is 2, but the quota of workspace vision is 1 slot, so"),
        (Limits(slots=3), {"workers": 9, "min_workers": 4}, "resources.min_workers", "is 4"),
        (Limits(gpus=4), {"workers": 5, "gpus": 1}, "resources.gpus", "is 1 for each of 5 workers, 5 GPUs together"),
        (Limits(cpus=1.5), {"workers": 1, "cpus": 2}, "resources.cpus", "is 2, but the quota of workspace vision is 1.5 CPUs"),
        (Limits(memory_bytes=GIB), {"workers": 2, "memory": GIB}, "resources.memory", "1.1 GB for each of 2 workers"),
    ],
)  # fmt: skip
def test_what_can_never_fit_is_told_with_field_and_figures(
    limits: Limits, resources: dict[str, Any], field: str, words: str
) -> None:
    (error,) = never_fits(limits, resources, "vision")
    assert (error.field, error.code) == (field, "over_quota")
    assert words in error.message


@given(
    slots=st.none() | st.integers(0, 8),
    cpus=st.none() | st.sampled_from([0.5, 2.0, 4.0]),
    gpus=st.none() | st.integers(0, 4),
    memory=st.none() | st.integers(0, 4),
    workers=st.integers(1, 8),
    each=st.tuples(st.sampled_from([0.25, 1.0, 2.0]), st.integers(0, 2), st.integers(0, 2)),
)
def test_what_is_let_in_is_what_the_scheduler_would_start_in_an_empty_workspace(
    slots: int | None,
    cpus: float | None,
    gpus: int | None,
    memory: int | None,
    workers: int,
    each: tuple[float, int, int],
) -> None:
    from datetime import UTC, datetime

    limits = Limits(slots, cpus, gpus, memory)
    snapshot = Snapshot(datetime(2026, 1, 1, tzinfo=UTC), (), (), quotas={"a": limits.running})
    demand = Demand(each[0], float(each[1]), each[2])
    starts = Shares(snapshot, ()).allowance("a", demand, empty=True) >= workers
    resources = {"workers": workers, "cpus": each[0], "gpus": each[1], "memory": each[2]}
    assert (never_fits(limits, resources, "a") == []) is starts


def test_counts_up_to_the_limit_are_let_in() -> None:
    check_queue(Limits(queued_jobs=3), 3, "a")
    check_day(Limits(jobs_per_day=3), 3, "a")
    check_queue(Limits(), 10**9, "a")
    with pytest.raises(OverQuota):
        check_queue(Limits(queued_jobs=3), 4, "a")
    with pytest.raises(OverQuota):
        check_day(Limits(jobs_per_day=0), 1, "a")


def test_what_another_version_stored_is_read() -> None:
    assert limits_from({"slots": 3, "weight": None, "of_the_future": 7}) == Limits(slots=3)
    assert limits_from(Limits(gpus=2.0, weight=3.0).to_dict()) == Limits(gpus=2.0, weight=3.0)


@pytest.mark.parametrize(
    "body",
    [
        {"slots": -1}, {"slots": 1.5}, {"slots": "4"}, {"slots": True}, {"cpus": float("nan")}, {"gpus": float("inf")},
        {"weight": 0}, {"weight": None}, {"memory_bytes": "much"}, {"memory_bytes": 2**80}, {"slot": 1}, {"jobs_per_day": 10**12},
    ],
)  # fmt: skip
def test_a_quota_that_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        QuotaBody.model_validate(body)


def test_sizes_may_be_written_as_people_do() -> None:
    found = QuotaBody.model_validate({"memory_bytes": "64GiB", "dataset_bytes": 10**9}).limits()
    assert (found.memory_bytes, found.dataset_bytes) == (64 * GIB, 10**9)
