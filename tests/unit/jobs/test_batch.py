"""A batch of submissions: each answered for itself, what they share looked up once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata
from tensorfleet.errors import Conflict, FieldError, InvalidInput, SpecInvalid
from tensorfleet.jobs.batch import MOST_ITEMS, parse_batch
from tensorfleet.jobs.model import JobRecord
from tensorfleet.jobs.schemas import JobSpec
from tensorfleet.jobs.service import JobService
from tensorfleet.jobs.store import SqlEventLog, SqlJobStore

SPEC = {"name": "one", "algorithm": "logistic_regression", "dataset": "iris"}


class CountedInputs:
    """Knows the dataset iris, and how often it was asked for it."""

    def __init__(self) -> None:
        self.asked = 0

    def dataset(self, reference: str, workspace: str) -> dict[str, Any]:
        self.asked += 1
        if reference != "iris":
            raise InvalidInput(f"there is no dataset '{reference}'")
        return {"name": "iris", "version": 1, "digest": "d", "columns": []}

    def code(self, digest: str) -> dict[str, Any]:
        return {"digest": digest}

    def check_algorithm(self, spec: JobSpec) -> Sequence[FieldError]:
        return []

    def check_capacity(self, spec: JobSpec) -> Sequence[FieldError]:
        return []

    def most_accumulation(self, spec: JobSpec) -> int:
        return 1


@pytest.fixture
def inputs() -> CountedInputs:
    return CountedInputs()


@pytest.fixture
def service(tmp_path: Path, inputs: CountedInputs) -> Iterator[JobService]:
    database = Database(f"sqlite:///{tmp_path / 'jobs.db'}")
    metadata.create_all(database.engine)
    store, log = SqlJobStore(database), SqlEventLog(database)
    yield JobService(store, log, inputs, lambda: datetime.now(UTC), lambda: None)
    database.close()


def jobs_of(answers: Sequence[Any]) -> list[tuple[str, bool]]:
    assert all(isinstance(answer[0], JobRecord) for answer in answers)
    return [(job.id, created) for job, created in answers]


def test_each_job_is_queued_with_its_first_entry(service: JobService, inputs: CountedInputs) -> None:
    answers = jobs_of(service.submit_many([(SPEC, f"key-{number}") for number in range(20)]))
    assert len({job_id for job_id, created in answers if created}) == 20
    assert inputs.asked == 1, "what the jobs share is looked up once"
    events = service._log.read_after(0)  # the log as every reader sees it
    assert [(event.job_id, event.kind) for event in events] == [
        (job_id, "job.submitted") for job_id, _ in answers
    ]


def test_a_repeated_batch_makes_nothing_new(service: JobService) -> None:
    batch = [(SPEC, "a"), (SPEC, "b")]
    first = jobs_of(service.submit_many(batch))
    again = jobs_of(service.submit_many([*batch, (SPEC, "c")]))
    assert again[:2] == [(job_id, False) for job_id, _ in first]
    assert again[2][1]
    assert service.submit(SPEC, "a")[0].id == first[0][0], "one by one or together: the same keys"


def test_one_key_twice_in_a_batch_is_one_job(service: JobService) -> None:
    (first, created), (second, again) = jobs_of(service.submit_many([(SPEC, "a"), (SPEC, "a")]))
    assert first == second
    assert (created, again) == (True, False)


def test_what_is_wrong_with_one_is_the_answer_for_that_one(service: JobService) -> None:
    batch = [
        (SPEC, "a"),
        ({"name": "x"}, None),
        (SPEC | {"dataset": "no"}, None),
        (SPEC, "k" * 201),
        (SPEC, None),
    ]
    first, bad, unknown, key, last = service.submit_many(batch)
    assert isinstance(bad, SpecInvalid)
    assert isinstance(unknown, SpecInvalid)
    assert isinstance(key, InvalidInput)
    assert len(jobs_of([first, last])) == 2


def test_a_key_of_another_job_is_a_conflict(service: JobService) -> None:
    service.submit(SPEC, "a")
    (answer,) = service.submit_many([(SPEC | {"name": "two"}, "a")])
    assert isinstance(answer, Conflict)


def test_the_body_of_a_batch() -> None:
    assert parse_batch({"items": [{"name": "x", "idempotency_key": "k"}, 7]}) == [
        ({"name": "x"}, "k"),
        (7, None),
    ]
    for wrong in (None, [], {"items": []}, {"items": {}}, {"items": [{}] * (MOST_ITEMS + 1)}):
        with pytest.raises(InvalidInput):
            parse_batch(wrong)
