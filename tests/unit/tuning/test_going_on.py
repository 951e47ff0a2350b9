"""A study that has ended goes on: with its failed trials once more, or with more; whatever dies meanwhile, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from study_bench import SPACE, STUDY, Bench

from tensorfleet.errors import Conflict, InvalidInput
from tensorfleet.jobs.model import JobStatus
from tensorfleet.tuning.endpoints import build_router
from tensorfleet.tuning.model import AGAIN
from tensorfleet.tuning.service import StudyService

GRID = {"C": {"float": [1, 3], "step": 1}, "kernel": {"choice": ["rbf", "linear"]}}


@pytest.fixture
def service(bench: Bench) -> StudyService:
    return StudyService(bench, bench.store, lambda tune, trials: {})


def end_with_failures(bench: Bench, failed: set[int]) -> None:
    for _ in range(20):
        bench.once()
        for job in bench.open_jobs():
            broken = job.inputs["study"]["trial"] in failed
            bench.end(job, JobStatus.FAILED if broken else JobStatus.COMPLETED, accuracy=0.5)
        if bench.jobs.get(STUDY).status.ended:
            return


@pytest.mark.parametrize("crash", range(8))
def test_failed_trials_run_again(bench: Bench, service: StudyService, crash: int) -> None:
    bench.submit_study(trials=5, parallel=2, seed=1)
    end_with_failures(bench, {1, 3})
    bench.without_checkpoint = {trial.job_id for trial in bench.store.trials(STUDY)}
    service.retry(STUDY, None)
    bench.crash_at = bench.acts + crash if crash else None
    bench.play()

    trials = bench.store.trials(STUDY)
    assert bench.states() == ["completed", "failed", "completed", "failed", "completed"] + ["completed"] * 2
    assert [trial.notes.get(AGAIN) for trial in trials[5:]] == [1, 3]
    assert [trial.params for trial in trials[5:]] == [trials[1].params, trials[3].params]
    study = bench.jobs.get(STUDY)
    assert (study.status, study.attempt, study.progress) == (JobStatus.COMPLETED, 1, 1.0)
    kinds = [event.kind for event in bench.log.read_after(0, 1000, STUDY)]
    assert (kinds.count("job.retried"), kinds.count("job.completed")) == (1, 2)
    assert service.get(STUDY)["trials"] == 7
    assert service.trials(STUDY)[5]["run_again"] == 1


def test_more_trials_know_the_earlier_ones(bench: Bench, service: StudyService) -> None:
    bench.submit_study(trials=3, parallel=2, seed=1, timeout="1m")
    end_with_failures(bench, {1})
    service.retry(STUDY, 4)
    bench.play()
    assert bench.states() == ["completed", "failed"] + ["completed"] * 5
    assert len({str(trial.params) for trial in bench.store.trials(STUDY)}) == 7
    service.retry(STUDY, 2)
    bench.play()
    assert len(bench.store.trials(STUDY)) == 9
    assert (bench.jobs.get(STUDY).result or {})["best"]


def test_a_grid_that_was_cancelled_leaves_no_combination_out(bench: Bench, service: StudyService) -> None:
    bench.submit_study(trials=100, parallel=2, sampler="grid", space=GRID, seed=1)
    bench.once()
    bench.end(bench.open_jobs()[0], accuracy=0.5)
    bench.once()
    stopped = bench.open_jobs()
    bench.ask_tuner(STUDY, "cancel", {})
    bench.once()
    for job in stopped:
        bench.end(job, JobStatus.CANCELLED)
    service.retry(STUDY, None)
    bench.once()
    bench.once()
    begun = [bench.begun[job.id] for job in bench.open_jobs()]
    assert begun == [job.id for job in stopped], "cancelled ones go on where they were"
    bench.play()
    done = [trial.params for trial in bench.store.trials(STUDY) if trial.state.value == "completed"]
    assert sorted((one["C"], one["kernel"]) for one in done) == [
        (c, kernel) for c in (1.0, 2.0, 3.0) for kernel in ("linear", "rbf")
    ]
    with pytest.raises(Conflict, match="tried all combinations"):
        service.retry(STUDY, 1)


def test_a_hopeless_study_gets_another_chance_and_no_third(bench: Bench, service: StudyService) -> None:
    bench.submit_study(trials=20, parallel=5)
    end_with_failures(bench, set(range(20)))
    assert bench.states() == ["failed"] * 5
    with pytest.raises(Conflict, match="has completed; run those that failed again first"):
        service.retry(STUDY, 5)
    service.retry(STUDY, None)
    bench.once()
    bench.once()
    assert bench.states() == ["failed"] * 5 + ["running"] * 5
    end_with_failures(bench, set(range(20)))
    assert bench.states() == ["failed"] * 10
    assert "the first 5 trials all failed" in (bench.jobs.get(STUDY).reason or "")


def test_what_cannot_go_on_says_why(bench: Bench, service: StudyService) -> None:
    bench.submit_study(trials=2)
    with pytest.raises(Conflict, match="is running; it can be retried when it has ended"):
        service.retry(STUDY, None)
    bench.play()
    with pytest.raises(Conflict, match="is completed and has no failed or missing trials"):
        service.retry(STUDY, None)
    with pytest.raises(InvalidInput, match="2 of at most 10,000, so 9,999 more are not possible"):
        service.retry(STUDY, 9_999)
    bench.submit_study("j-pbt", sampler="pbt", population={"size": 2, "generations": 2})
    bench.ask_tuner("j-pbt", "cancel", {})
    bench.once()
    with pytest.raises(Conflict, match="ends with its last generation"):
        service.retry("j-pbt", 5)
    with pytest.raises(Conflict, match="where a value hangs on the whole lineage"):
        service.importance("j-pbt")
    with pytest.raises(Conflict, match="its sampler is tpe"):
        service.lineage(STUDY)
    assert bench.store.open_intents() == []


def test_two_that_ask_at_once_get_one_retry(bench: Bench, service: StudyService) -> None:
    bench.submit_study(trials=2)
    bench.play()
    service.retry(STUDY, 3)
    service.retry(STUDY, 3)
    bench.play()
    assert len(bench.store.trials(STUDY)) == 5


@pytest.fixture
async def client(service: StudyService) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(build_router(service))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened:
        yield opened


async def test_over_http(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.submit_study(trials=1, space=SPACE)
    bench.play()
    for body in ({"trials": 0}, {"trials": "2"}, {"trials": 1.5}, {"trails": 2}, {"trials": 10**6}, [3]):
        assert (await client.post(f"/studies/{STUDY}/retry", json=body)).status_code == 422
    answer = await client.post(f"/studies/{STUDY}/retry", json={"trials": 2})
    assert (answer.status_code, answer.json()["study_id"]) == (202, STUDY)
    bench.play()
    found: Any = (await client.get(f"/studies/{STUDY}")).json()
    assert (found["trials"], found["counts"]["completed"]) == (3, 3)
