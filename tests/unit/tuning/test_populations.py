"""A population from its first generation to its last; wherever the tuner dies, no leg is lost and none is trained twice."""

from __future__ import annotations

from typing import Any

import pytest
from study_bench import STUDY, Bench, value_of

from tensorfleet.jobs.model import JobStatus
from tensorfleet.jobs.ports import JobFilter
from tensorfleet.tuning.population import place_of
from tensorfleet.tuning.service import StudyService

POPULATION = {"size": 4, "generations": 3, "perturbation_interval": 5}


def submit(bench: Bench, **more: Any) -> None:
    bench.submit_study(**({"sampler": "pbt", "population": POPULATION, "parallel": 3, "seed": 1} | more))


def lineage(bench: Bench) -> list[tuple[Any, ...]]:
    found = StudyService(bench, bench.store, lambda tune, trials: {}).lineage(STUDY)
    return [(one["generation"], one["member"], one["parent"], one["copied"], one["params"]) for one in found]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The lineage of a study that nothing interrupts."""
    from tensorfleet.adapters.database import Database
    from tensorfleet.adapters.schema import metadata

    database = Database(f"sqlite:///{tmp_path_factory.mktemp('straight') / 'metadata.db'}")
    with database.begin() as connection:
        metadata.create_all(connection)
    bench = Bench(database)
    submit(bench)
    bench.play()
    found = lineage(bench)
    database.close()
    return found


def test_a_population_from_start_to_end(bench: Bench) -> None:
    submit(bench)
    bench.once()
    assert len(bench.open_jobs()) == 3, "as many at a time as parallel says"
    bench.play()

    trials = bench.store.trials(STUDY)
    assert [(place_of(trial).generation, place_of(trial).member) for trial in trials] == [
        (generation, member) for generation in range(3) for member in range(4)
    ]
    copied = [trial for trial in trials if place_of(trial).copied]
    assert [place_of(trial).generation for trial in copied] == [1, 2]
    for trial in trials:
        job, place = bench.jobs.get(trial.job_id), place_of(trial)
        assert job.spec["hyperparameters"] == {**trial.params, "epochs": 15}
        assert job.inputs.get("until") == {0: 5, 1: 10, 2: None}[place.generation]
        if place.parent is not None:
            assert bench.begun[job.id] == trials[place.parent].job_id
            before = trials[place.parent].params
            assert (trial.params != before) == place.copied
    study = bench.jobs.get(STUDY)
    best = max(trials, key=lambda trial: trial.values or ())
    assert (study.status, study.progress) == (JobStatus.COMPLETED, 1.0)
    assert (study.result or {})["model"] == {"prefix": f"models/{best.job_id}/1"}
    entry = next(
        one for one in bench.log.read_after(0, 1000, STUDY, ["trial.completed"]) if one.data["copied"]
    )
    assert entry.data["parent"] == place_of(copied[0]).parent


@pytest.mark.parametrize("crash_at", range(1, 40, 3))
def test_wherever_the_tuner_dies_the_lineage_is_the_same(
    bench: Bench, straight: list[tuple[Any, ...]], crash_at: int
) -> None:
    submit(bench)
    bench.crash_at = crash_at
    bench.play()

    assert bench.crash_at is None, "it did not die: there are not so many writes"
    assert lineage(bench) == straight
    jobs, _ = bench.jobs.page(JobFilter(study=STUDY), 1000, None, "created_at")
    trials = bench.store.trials(STUDY)
    assert sorted(job.id for job in jobs) == sorted(trial.job_id for trial in trials)
    assert bench.states() == ["completed"] * 12
    for trial in trials:
        assert trial.values == (value_of(bench.jobs.get(trial.job_id)),)


def test_a_member_that_fails_is_replaced(bench: Bench) -> None:
    submit(bench, parallel=4)
    bench.once()
    first, *others = bench.open_jobs()
    bench.end(first, JobStatus.FAILED)
    for number, job in enumerate(others):
        bench.end(job, accuracy=0.9 - number / 10)
    bench.once()
    found = lineage(bench)[4:]
    assert [(parent, copied) for _, _, parent, copied, _ in found] == [
        (1, True), (1, False), (2, False), (3, False)
    ]  # fmt: skip


def test_a_generation_that_nobody_completes_ends_it(bench: Bench) -> None:
    submit(bench, parallel=4)
    for status in (JobStatus.COMPLETED, JobStatus.FAILED):
        bench.once()
        for job in bench.open_jobs():
            bench.end(job, status, accuracy=0.5)
    bench.once()
    study = bench.jobs.get(STUDY)
    assert study.status is JobStatus.FAILED
    assert study.reason == "no member of generation 1 completed; the last one said: it broke"


def test_code_that_saves_nothing_is_told_so(bench: Bench) -> None:
    submit(bench, parallel=4)
    bench.once()
    for job in bench.open_jobs():
        bench.without_checkpoint.add(job.id)
        bench.end(job, accuracy=0.5)
    bench.once()
    study = bench.jobs.get(STUDY)
    assert study.status is JobStatus.FAILED
    assert "has left no checkpoint; own code has to call train.save" in (study.reason or "")
    assert bench.states() == ["completed"] * 4 + ["failed"] * 4


def test_cancelled_and_taken_up_again_it_goes_on_where_it_was(bench: Bench) -> None:
    submit(bench, parallel=4)
    bench.once()
    for number, job in enumerate(bench.open_jobs()):
        bench.end(job, accuracy=number / 10)
    bench.once()
    first, *stopped = bench.open_jobs()
    bench.end(first, accuracy=0.5)
    bench.once()
    bench.ask_tuner(STUDY, "cancel", {})
    bench.once()
    for job in stopped:
        bench.end(job, JobStatus.CANCELLED)
    assert bench.states() == ["completed"] * 5 + ["cancelled"] * 3

    bench.ask_tuner(STUDY, "retry", {})
    bench.once()
    bench.once()
    again = bench.open_jobs()
    assert [bench.begun[job.id] for job in again] == [job.id for job in stopped]
    assert [job.spec["hyperparameters"] for job in again] == [job.spec["hyperparameters"] for job in stopped]
    bench.play()
    held = [(place_of(trial).generation, place_of(trial).member) for trial in bench.store.trials(STUDY)]
    assert held == [(g, m) for g in (0, 1) for m in range(4)] + [(1, m) for m in (1, 2, 3)] + [
        (2, m) for m in range(4)
    ]
    assert bench.jobs.get(STUDY).status is JobStatus.COMPLETED
