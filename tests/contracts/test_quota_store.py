"""Quotas on each database: what is let in, what is counted, and that nothing runs beyond them, whenever they change."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.contracts.test_board import a_worker
from tests.contracts.test_job_store import DONE, NOW, SPEC, new_job

from tensorfleet.adapters.database import Database
from tensorfleet.datasets.model import Version
from tensorfleet.datasets.store import SqlDatasetStore
from tensorfleet.errors import OverQuota, SpecInvalid
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import TaskFinished
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.handlers import apply_event
from tensorfleet.orchestrator.placing import place_waiting
from tensorfleet.quotas.model import Limits, Used
from tensorfleet.quotas.store import SqlQuotaStore
from tensorfleet.scheduling.model import Policy

LATER = NOW + timedelta(hours=1)


class Bench:
    def __init__(self, database: Database, **settings: Limits) -> None:
        self.quotas = SqlQuotaStore(database, SqlEventLog(database), settings)
        self.jobs = SqlJobStore(database, self.quotas.admit_jobs)
        self.datasets = SqlDatasetStore(database, self.quotas.admit_dataset)

    def limit(self, workspace: str = "default", **limits: Any) -> None:
        self.quotas.set(workspace, Limits(**limits), NOW)


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def asking(job_id: str, **resources: Any) -> NewJob:
    spec: dict[str, Any] = {**SPEC, "resources": {**SPEC["resources"], **resources}}  # type: ignore[dict-item]
    return new_job(job_id, spec=spec, workers=spec["resources"]["workers"])


def test_what_was_set_goes_before_the_settings_until_it_is_taken_back(database: Database) -> None:
    bench = Bench(database, vision=Limits(gpus=2))
    assert bench.quotas.find("vision") == (Limits(gpus=2), "settings")
    assert bench.quotas.find("default") == (Limits(), "none")
    bench.limit("vision", slots=3)
    bench.limit("vision", slots=4, weight=2.0, queued_jobs=7, dataset_bytes=2**50)
    assert bench.quotas.find("vision") == (
        Limits(slots=4, weight=2.0, queued_jobs=7, dataset_bytes=2**50),
        "api",
    )
    assert bench.quotas.all()["vision"].slots == 4
    bench.quotas.set("vision", None, NOW)
    assert bench.quotas.find("vision") == (Limits(gpus=2), "settings")


def test_a_job_that_could_never_start_is_refused_with_its_field_and_leaves_nothing(bench: Bench) -> None:
    bench.limit(cpus=4, memory_bytes=2 * 1024**3)
    for resources, field in (
        ({"workers": 5, "cpus": 1.0}, "resources.cpus"),
        ({"workers": 1, "cpus": 4.5}, "resources.cpus"),
        ({"workers": 3, "memory": 1024**3}, "resources.memory"),
    ):
        with pytest.raises(SpecInvalid) as refused:
            bench.jobs.insert(asking("j-1", **resources))
        assert [error.field for error in refused.value.errors] == [field]
        assert refused.value.errors[0].code == "over_quota"
    bench.jobs.insert(asking("j-2", workers=4, cpus=1.0))
    bench.jobs.insert(asking("j-3", workers=8, min_workers=2, cpus=1.0))
    assert bench.quotas.used("default", NOW).queued_jobs == 2


def test_no_more_wait_than_may_and_a_repeated_key_is_no_second_job(bench: Bench) -> None:
    bench.limit(queued_jobs=2)
    bench.jobs.insert(new_job("j-1"))
    first = bench.jobs.insert(replace(new_job("j-2"), idempotency_key="k"))
    with pytest.raises(OverQuota, match="2 jobs waiting"):
        bench.jobs.insert(new_job("j-3"))
    assert bench.jobs.insert(replace(new_job("j-4"), idempotency_key="k")) == (first[0], False)
    bench.jobs.insert(replace(new_job("j-5"), workspace="other"))
    trial = replace(new_job("j-6"), inputs={"study": {"id": "j-0", "trial": 0}})
    assert bench.jobs.insert(trial)[1], "a study's trials have been let in with it"


def test_of_a_batch_those_are_let_in_that_may(bench: Bench) -> None:
    bench.limit(queued_jobs=3, slots=2)
    batch = [asking("j-0", workers=3), *(new_job(f"j-{number}") for number in range(1, 6))]
    found = bench.jobs.insert_many(batch)
    kinds = [type(one).__name__ for one in found]
    assert kinds == ["SpecInvalid", "tuple", "tuple", "tuple", "OverQuota", "OverQuota"]
    assert bench.quotas.used("default", NOW).queued_jobs == 3


def test_a_day_has_24_hours(bench: Bench) -> None:
    bench.limit(jobs_per_day=2)
    for number in range(2):
        bench.jobs.insert(new_job(f"j-{number}"))
    with pytest.raises(OverQuota, match="24 hours"):
        bench.jobs.insert(new_job("j-3"))
    bench.jobs.insert(replace(new_job("j-4"), created_at=NOW + timedelta(hours=24)))
    assert bench.quotas.used("default", NOW + timedelta(hours=24)).jobs_per_day == 1


def test_datasets_have_room_together(bench: Bench) -> None:
    bench.limit(dataset_bytes=1000)
    bench.datasets.add_version(a_version("a", 600))
    bench.datasets.add_version(a_version("a", 600))
    with pytest.raises(OverQuota, match=r"have 600 B and may have 1\.0 kB, so 401 B more"):
        bench.datasets.add_version(a_version("b", 401))
    assert bench.datasets.find("b", "default") is None
    bench.datasets.add_version(a_version("b", 400))
    assert bench.quotas.used("default", NOW).dataset_bytes == 1000


def a_version(name: str, size: int) -> Version:
    return Version(
        name, "default", 0, f"{name}{size}".ljust(64, "0"), "csv", 1, size, (), {}, None, None, NOW
    )


def test_many_at_once_do_not_slip_through_together(bench: Bench) -> None:
    def submit(number: int) -> bool:
        try:
            return bench.jobs.insert(new_job(f"j-{number}"))[1]
        except OverQuota:
            return False

    def add(number: int) -> bool:
        try:
            return bench.datasets.add_version(a_version(f"d{number}", 100))[1]
        except OverQuota:
            return False

    bench.limit(queued_jobs=5, dataset_bytes=700)
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(submit, range(24))) == 5
        assert sum(threads.map(add, range(24))) == 7


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_started_beyond_a_quota_however_often_it_changes(database: Database, seed: int) -> None:
    """The real board and placement; quotas are set between the looks, as an administrator would at any moment."""
    dice = random.Random(seed)
    bench = Bench(database, red=Limits(slots=2))
    board = Board(Policy.RESOURCE_FIT, {"red": Limits(slots=2).running})
    for name in ("w-1", "w-2", "w-3"):
        board.know_worker(a_worker(name, 4))
    started = held_back = 0
    for number in range(50):
        now = NOW + timedelta(seconds=number)
        if dice.random() < 0.25:
            bench.quotas.set(dice.choice(["red", "blue"]), _random_limits(dice), now)
        for part in range(2):
            _submit(bench, dice, 2 * number + part)
        with bench.jobs.orchestrate() as tx:
            board.refresh(tx, now)
            for lease in tx.live_leases():
                if dice.random() < 0.3:
                    apply_event(tx, lease.job_id, TaskFinished(lease.token, DONE), now)
            board.follow(tx.touched, now)
            before = {lease.job_id for lease in tx.live_leases()}
            board.looked(took_s=0.0)
            board.know_worker(dice.choice(list(board.workers.values())))
            started += place_waiting(tx, board, now)
        with bench.jobs.orchestrate() as tx:
            new = [lease for lease in tx.live_leases() if lease.job_id not in before]
        for workspace in ("red", "blue"):
            limits, used = bench.quotas.find(workspace)[0], bench.quotas.used(workspace, now)
            held_back += _at_the_limit(limits, used) and used.queued_jobs > 0
            mine = [lease.resources for lease in new if lease.workspace == workspace]
            if not any(resources["memory"] for resources in mine):
                limits = replace(
                    limits, memory_bytes=None
                )  # what asks for none may start while others hold too much
            assert not mine or _within(limits, used), (number, workspace, limits, used)
    assert started > 10
    assert held_back > 5


def _random_limits(dice: random.Random) -> Limits | None:
    return dice.choice(
        [
            None,
            Limits(slots=dice.randint(0, 6)),
            Limits(cpus=dice.choice([1.5, 4.0])),
            Limits(memory_bytes=3 * 1024**3),
        ]
    )


def _submit(bench: Bench, dice: random.Random, number: int) -> None:
    resources = {
        "workers": dice.choice([1, 1, 2, 3]),
        "cpus": dice.choice([0.5, 1.0]),
        "memory": dice.choice([0, 1024**3]),
    }
    job = asking(f"j-{number}", **resources, min_workers=dice.choice([None, 1]))
    try:
        bench.jobs.insert(replace(job, workspace=dice.choice(["red", "blue"])))
    except (SpecInvalid, OverQuota):
        return


def _within(limits: Limits, used: Used) -> bool:
    pairs = ((limits.slots, used.slots), (limits.cpus, used.cpus), (limits.memory_bytes, used.memory_bytes))
    return all(limit is None or held <= limit + 1e-9 for limit, held in pairs)


def _at_the_limit(limits: Limits, used: Used) -> bool:
    return any(
        limit is not None and held + 1 > limit
        for limit, held in ((limits.slots, used.slots), (limits.cpus, used.cpus))
    )
