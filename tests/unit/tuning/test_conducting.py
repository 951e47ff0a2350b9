"""Studies from the first question to the end; wherever the tuner dies, no trial is lost and none is doubled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from study_bench import STUDY, Bench, value_of

from tensorfleet.adapters.schema import jobs as jobs_table
from tensorfleet.errors import Unavailable
from tensorfleet.jobs.model import JobStatus
from tensorfleet.jobs.ports import JobFilter, NewJob
from tensorfleet.jobs.schemas import parse_spec
from tensorfleet.tuning.model import TUNER_TOPIC, TrialState, key_of


def test_a_study_from_start_to_end(bench: Bench) -> None:
    bench.submit_study(trials=7, parallel=3, seed=1)
    bench.once()
    assert len(bench.open_jobs()) == 3
    bench.play()

    study = bench.jobs.get(STUDY)
    trials = bench.store.trials(STUDY)
    best = max(trials, key=lambda trial: trial.values or ())
    assert study.status is JobStatus.COMPLETED
    assert study.metrics == {"accuracy": (best.values or ())[0]}
    assert study.result is not None
    assert study.result["best"] == [best.number]
    assert study.result["model"] == {"prefix": f"models/{best.job_id}/1"}
    assert study.result["aliases"] == ["best"]
    kinds = [event.kind for event in bench.log.read_after(0, 1000, STUDY)]
    assert kinds.count("trial.completed") == kinds.count("metrics") == 7
    assert kinds[-1] == "job.completed"


def test_a_trials_job_is_the_study_with_its_hyperparameters(bench: Bench) -> None:
    bench.submit_study(trials=1)
    bench.once()
    (trial,) = bench.store.trials(STUDY)
    job = bench.jobs.get(trial.job_id)
    assert job.spec["hyperparameters"] == trial.params
    assert (job.name, job.kind, job.spec["model_name"], job.spec["tune"]) == ("s-0", "train", None, None)
    assert job.inputs["study"] == {"id": STUDY, "trial": 0}
    assert job.inputs["dataset"] == {"name": "wine"}
    assert parse_spec(job.spec).model_dump(mode="json") == job.spec


@pytest.mark.parametrize("crash_at", range(1, 21))
def test_wherever_the_tuner_dies_no_trial_is_lost_or_doubled(bench: Bench, crash_at: int) -> None:
    bench.submit_study(trials=6, parallel=2, seed=1)
    bench.crash_at = crash_at
    bench.play()

    assert bench.crash_at is None, "it did not die: there are not so many writes"
    trials = bench.store.trials(STUDY)
    found, _ = bench.jobs.page(JobFilter(kind="train"), 1000, None, "created_at")
    assert [trial.number for trial in trials] == list(range(6))
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    assert sorted(job.id for job in found) == sorted(trial.job_id for trial in trials)
    by_id = {job.id: job for job in found}
    for trial in trials:
        assert trial.values == (value_of(by_id[trial.job_id]),)
        assert by_id[trial.job_id].spec["hyperparameters"] == trial.params
    kinds = [event.kind for event in bench.log.read_after(0, 1000, STUDY)]
    assert kinds.count("trial.completed") == 6
    assert kinds.count("job.completed") == 1


def test_a_resubmitted_trial_is_the_same_job(bench: Bench) -> None:
    bench.submit_study(trials=1)
    bench.crash_at = 3  # the row of the trial is written, its job is not
    bench.once()
    (job,) = bench.open_jobs()
    (trial,) = bench.store.trials(STUDY)
    assert job.id == trial.job_id
    again = bench.jobs.insert(
        NewJob(
            "j-other", job.name, "default", "train", 1, 1, job.spec, {}, bench.now, key_of(STUDY, 0)
        )
    )  # fmt: skip
    assert (again[0].id, again[1]) == (trial.job_id, False)


def test_while_the_database_is_away_nothing_is_lost(bench: Bench) -> None:
    bench.submit_study(trials=4, parallel=2)
    bench.once()
    for job in bench.open_jobs():
        bench.end(job, accuracy=0.5)
    broken = bench.store.finish

    def away(*given: Any) -> None:
        raise Unavailable("the metadata store does not answer")

    bench.store.finish = away  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        bench.once()
    bench.store.finish = broken  # type: ignore[method-assign]
    bench.play()
    assert bench.states() == ["completed"] * 4


def test_failed_trials_keep_their_reason_and_the_study_goes_on(bench: Bench) -> None:
    bench.submit_study(trials=4, parallel=1)
    for status in (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.COMPLETED):
        bench.once()
        bench.end(bench.open_jobs()[0], status, accuracy=0.5)
    bench.once()
    bench.end(bench.open_jobs()[0], acuracy=0.5)
    bench.once()
    reasons = [trial.reason for trial in bench.store.trials(STUDY)]
    assert bench.states() == ["failed", "cancelled", "completed", "failed"]
    assert reasons[:3] == ["it broke", "its job was cancelled", None]
    assert reasons[3] == "it reported no metric 'accuracy'; did you mean 'acuracy'?"
    assert bench.jobs.get(STUDY).status is JobStatus.COMPLETED


def test_a_study_whose_trials_all_fail_stops_early(bench: Bench) -> None:
    bench.submit_study(trials=50, parallel=6)
    bench.once()
    for job in bench.open_jobs()[:5]:
        bench.end(job, JobStatus.FAILED)
    bench.once()
    study = bench.jobs.get(STUDY)
    assert study.status is JobStatus.FAILED
    assert study.reason == "the first 5 trials all failed, the last one with: it broke"
    assert bench.states() == ["failed"] * 5 + ["cancelled"]
    assert [intent for _, intent in bench.asked] == ["cancel"]


def test_a_combination_that_the_algorithm_refuses_is_a_failed_trial_without_a_job(bench: Bench) -> None:
    bench.refuse = lambda params: "no linear here" if params["kernel"] == "linear" else None
    bench.submit_study(trials=8, parallel=2, sampler="random", seed=4)
    bench.play()
    trials = bench.store.trials(STUDY)
    refused = [trial for trial in trials if trial.params["kernel"] == "linear"]
    assert 0 < len(refused) < 8
    assert {trial.reason for trial in refused} == {"hyperparameters: no linear here"}
    jobs, _ = bench.jobs.page(JobFilter(kind="train"), 100, None, "created_at")
    assert len(jobs) == 8 - len(refused)


def test_pruned_trials_are_stopped_and_are_no_cancelled_ones(bench: Bench) -> None:
    bench.submit_study(trials=8, parallel=1, pruner="median")
    for _ in range(6):
        bench.once()
        (job,) = bench.open_jobs()
        bench.report(job, 0, 0.9)
        bench.once()
        bench.end(job, accuracy=0.9)
    bench.once()
    (job,) = bench.open_jobs()
    bench.report(job, 0, 0.1)
    bench.once()
    trial = bench.store.trials(STUDY)[6]
    assert (trial.state, trial.values) == (TrialState.PRUNED, (0.1,))
    assert trial.reason == "stopped at step 0 by the median pruner"
    assert bench.asked == [(job.id, "cancel")]
    bench.end(job, JobStatus.CANCELLED)
    bench.play()
    assert bench.states() == ["completed"] * 6 + ["pruned", "completed"]


def test_a_stop_that_was_not_asked_for_before_the_tuner_died_is_asked_for_again(bench: Bench) -> None:
    bench.submit_study(trials=8, parallel=1, pruner="median")
    for _ in range(6):
        bench.once()
        (job,) = bench.open_jobs()
        bench.report(job, 0, 0.9)
        bench.end(job, accuracy=0.9)
    bench.once()
    (job,) = bench.open_jobs()
    bench.report(job, 0, 0.1)
    bench.crash_at = bench.acts + 3  # after the trial's end was written, before its job is cancelled
    bench.once()
    assert bench.states()[6] == "pruned"
    assert bench.asked == [(job.id, "cancel")]


@pytest.mark.parametrize("crash", range(12))
def test_cancel_stops_what_runs(bench: Bench, crash: int) -> None:
    bench.submit_study(trials=9, parallel=3)
    bench.once()
    bench.end(bench.open_jobs()[0], accuracy=0.7)
    bench.once()
    running = {job.id for job in bench.open_jobs()}
    bench.jobs.request(STUDY, "cancel", bench.clock(), TUNER_TOPIC)
    bench.crash_at = bench.acts + crash if crash else None
    bench.once()
    study = bench.jobs.get(STUDY)
    assert (study.status, study.reason) == (JobStatus.CANCELLED, "cancelled on request")
    assert bench.states() == ["completed", "cancelled", "cancelled", "cancelled"]
    assert set(bench.asked) == {(job_id, "cancel") for job_id in running}
    assert bench.store.open_intents() == []
    assert bench.once() == 0


def test_a_paused_study_asks_for_nothing_until_it_is_resumed(bench: Bench) -> None:
    bench.submit_study(trials=5, parallel=2)
    bench.once()
    first, second = bench.open_jobs()
    bench.jobs.request(STUDY, "pause", bench.clock(), TUNER_TOPIC)
    assert bench.once() == 0
    assert bench.jobs.get(STUDY).status is JobStatus.PAUSED
    assert bench.asked == [(first.id, "pause"), (second.id, "pause")]
    bench.end(first, accuracy=0.5)
    bench.conducting = bench.start()
    bench.once()
    assert bench.states() == ["completed", "running"]
    bench.jobs.request(STUDY, "resume", bench.clock(), TUNER_TOPIC)
    assert bench.once() == 1
    assert bench.asked[2:] == [(second.id, "resume")]
    bench.play()
    assert bench.states() == ["completed"] * 5


def test_after_its_time_it_ends_with_what_it_has(bench: Bench) -> None:
    bench.submit_study(trials=50, parallel=1, timeout="1m")
    bench.once()
    bench.now += timedelta(seconds=61)
    bench.end(bench.open_jobs()[0], accuracy=0.5)
    bench.once()
    assert bench.states() == ["completed"]
    assert bench.jobs.get(STUDY).status is JobStatus.COMPLETED


def test_several_objectives_register_nothing_by_themselves(bench: Bench) -> None:
    objectives = [
        {"metric": "accuracy", "direction": "maximize"},
        {"metric": "cost", "direction": "minimize"},
    ]
    bench.submit_study(trials=4, objective=objectives, sampler="nsga2")
    bench.once()
    for number, job in enumerate(bench.open_jobs()):
        bench.end(job, accuracy=number / 10, cost=float(number))
    bench.once()
    result = bench.jobs.get(STUDY).result
    assert result == {"best": [0, 1, 2, 3], "metrics": {}}


def test_a_grid_ends_with_its_last_point(bench: Bench) -> None:
    space = {"C": {"float": [1, 2], "step": 0.5}, "kernel": {"choice": ["rbf", "linear"]}}
    bench.submit_study(trials=100, parallel=4, sampler="grid", space=space)
    bench.play()
    found = [(trial.params["C"], trial.params["kernel"]) for trial in bench.store.trials(STUDY)]
    assert sorted(found) == [(c, k) for c in (1.0, 1.5, 2.0) for k in ("linear", "rbf")]


def test_one_broken_study_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.submit_study()
    bench.submit_study("j-other", trials=1)
    with bench.database.begin() as connection:
        spec = {**bench.jobs.get(STUDY).spec, "tune": {"space": 3}}
        connection.execute(update(jobs_table).where(jobs_table.c.id == STUDY).values(spec=spec))
    bench.once()
    assert bench.jobs.get(STUDY).status is JobStatus.FAILED
    assert "cannot be read" in (bench.jobs.get(STUDY).reason or "")
    assert len(bench.store.trials("j-other")) == 1
