"""Trials and studies as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tensorfleet.adapters.database import Database
from tensorfleet.errors import Conflict, LostLead
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobStatus, NewEvent
from tensorfleet.jobs.ports import JobFilter, NewJob
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.kit.clock import utc_now
from tensorfleet.tuning.model import KIND, TUNER_TOPIC, Trial, TrialState
from tensorfleet.tuning.store import SqlTrialStore

NOW = utc_now()
STUDY = "j-study"


def job(job_id: str, **changes: Any) -> NewJob:
    found = NewJob(job_id, job_id, "default", "train", 1, 1, {"name": job_id, "resources": {}}, {}, NOW)
    return replace(found, **changes)


def study(job_id: str = STUDY) -> NewJob:
    return job(job_id, kind=KIND, status=JobStatus.RUNNING)


def trial(number: int, **changes: Any) -> Trial:
    found = Trial(
        STUDY, number, f"j-{number}", {"C": 0.1 * number, "kind": ["a"]}, NOW, notes={"gen": number}
    )
    return replace(found, **changes)


@pytest.fixture
def jobs(database: Database) -> SqlJobStore:
    store = SqlJobStore(database)
    store.insert(study())
    return store


@pytest.fixture
def store(database: Database, jobs: SqlJobStore) -> SqlTrialStore:
    return SqlTrialStore(database)


def test_trials_come_back_as_they_were(store: SqlTrialStore) -> None:
    new = [trial(0), trial(1), trial(2)]
    store.add(new)
    assert store.trials(STUDY) == new
    assert store.trials("j-other") == []


def test_a_number_is_taken_once_and_then_nothing_of_the_rest_is_written(store: SqlTrialStore) -> None:
    store.add([trial(0)])
    with pytest.raises(Conflict, match="has a trial"):
        store.add([trial(1), trial(0, job_id="j-again")])
    with pytest.raises(Conflict):
        store.add([trial(1, job_id="j-0")])
    assert [one.number for one in store.trials(STUDY)] == [0]


def test_an_end_is_written_once_with_figures_and_log(
    store: SqlTrialStore, jobs: SqlJobStore, database: Database
) -> None:
    store.add([trial(0), trial(1)])
    over = trial(0, state=TrialState.COMPLETED, values=(0.9,), finished_at=NOW + timedelta(seconds=1))
    event = NewEvent("trial.completed", NOW, {"trial": 0}, STUDY)
    store.finish(STUDY, [over], 0.5, {"accuracy": 0.9}, [event])
    store.finish(STUDY, [replace(over, state=TrialState.FAILED, values=None, reason="late")], 0.5, {}, [])
    assert store.trials(STUDY) == [over, trial(1)]
    assert (jobs.get(STUDY).progress, jobs.get(STUDY).metrics) == (0.5, {})
    kinds = [found.kind for found in SqlEventLog(database).read_after(0, job_id=STUDY)]
    assert kinds == ["job.submitted", "trial.completed"]


def test_a_reason_may_hold_anything(store: SqlTrialStore) -> None:
    store.add([trial(0)])
    store.finish(
        STUDY, [trial(0, state=TrialState.FAILED, reason="a\0b\ud800", finished_at=NOW)], 1.0, {}, []
    )
    assert (store.trials(STUDY)[0].reason or "").startswith("a")


def test_a_study_ends_once(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    assert store.active() == [STUDY]
    assert store.set_status(STUDY, JobStatus.PAUSED, NOW, [])
    assert store.active() == [STUDY]
    assert store.set_status(STUDY, JobStatus.RUNNING, NOW, [])
    assert store.set_status(STUDY, JobStatus.COMPLETED, NOW, [], result={"best": [0], "metrics": {"f1": 0.5}})
    assert not store.set_status(STUDY, JobStatus.FAILED, NOW, [], "too late")
    found = jobs.get(STUDY)
    assert (found.status, found.progress, found.metrics) == (JobStatus.COMPLETED, 1.0, {"f1": 0.5})
    assert found.result == {"best": [0], "metrics": {"f1": 0.5}}
    assert found.finished_at == NOW
    assert store.active() == []


def test_a_study_that_has_ended_runs_again_with_new_trials(
    store: SqlTrialStore, jobs: SqlJobStore, database: Database
) -> None:
    store.add([trial(0)])
    inputs, event = {"again": {"more": 2}}, NewEvent("job.retried", NOW, {"trials": 2}, STUDY)
    assert not store.reopen(STUDY, NOW, inputs, [trial(1)], [event]), "it runs"
    store.set_status(STUDY, JobStatus.FAILED, NOW, [], "none completed", result={"best": []})
    with pytest.raises(IntegrityError):
        store.reopen(STUDY, NOW, inputs, [trial(0, job_id="j-9")], [event])
    assert jobs.get(STUDY).status is JobStatus.FAILED, "all or nothing"
    assert store.reopen(STUDY, NOW, inputs, [trial(1), trial(2)], [event])
    found = jobs.get(STUDY)
    assert (found.status, found.inputs, found.attempt) == (JobStatus.RUNNING, inputs, 1)
    assert (found.reason, found.error, found.result, found.finished_at) == (None, None, None, None)
    assert store.active() == [STUDY]
    assert len(store.trials(STUDY)) == 3
    kinds = [entry.kind for entry in SqlEventLog(database).read_after(0, job_id=STUDY)]
    assert kinds.count("job.retried") == 1


def test_only_studies_run_again(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    jobs.insert(job("j-train", status=JobStatus.COMPLETED))
    assert not store.reopen("j-train", NOW, {}, [], [])
    assert not store.reopen("j-none", NOW, {}, [], [])


def test_a_failed_study_says_why(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    store.set_status(STUDY, JobStatus.FAILED, NOW, [], "no trial completed")
    found = jobs.get(STUDY)
    assert found.reason == "no trial completed"
    assert found.error == {"class": "user_error", "message": "no trial completed"}


def test_only_studies_are_studies(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    jobs.insert(job("j-train"))
    assert store.active() == [STUDY]
    assert not store.set_status("j-train", JobStatus.COMPLETED, NOW, [])
    assert jobs.get("j-train").status is JobStatus.QUEUED


def test_a_study_is_nothing_to_be_placed(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    jobs.insert(job("j-train"))
    with jobs.orchestrate() as tx:
        assert [found.id for found in tx.queue(10)] == ["j-train"]
        assert [found.id for found in tx.submitted_after(0)[0]] == ["j-train"]


def test_jobs_of_trials(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    jobs.insert(job("j-0"))
    assert store.jobs_of([]) == {}
    found = store.jobs_of(["j-0", "j-1", *(f"x-{number}" for number in range(1200))])
    assert list(found) == ["j-0"]
    assert found["j-0"].status is JobStatus.QUEUED


def test_what_people_ask_of_a_study_waits_for_the_tuner_alone(
    store: SqlTrialStore, jobs: SqlJobStore
) -> None:
    jobs.insert(job("j-train"))
    jobs.request("j-train", "cancel", NOW)
    jobs.request(STUDY, "pause", NOW, TUNER_TOPIC, {"some": "thing"})
    (intent,) = store.open_intents()
    assert (intent.study_id, intent.kind, intent.data) == (STUDY, "pause", {"some": "thing"})
    with jobs.orchestrate() as tx:
        assert [command.ref for command in tx.open_commands("orchestrator")] == ["j-train"]
    store.close_intent(intent.id, NOW)
    assert store.open_intents() == []


def test_the_jobs_of_a_study_are_listed(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    for name in ("j-0", "j-1", "j-other"):
        jobs.insert(job(name))
    store.add([trial(0), trial(1)])

    def ids(**filters: str) -> list[str]:
        return [found.id for found in jobs.page(JobFilter(**filters), 10, None, "created_at")[0]]

    assert ids(study=STUDY) == ["j-0", "j-1"]
    assert ids(study=STUDY, name="j-1") == ["j-1"]
    assert ids(study="j-other") == []


def test_trials_go_with_their_study(store: SqlTrialStore, jobs: SqlJobStore) -> None:
    store.add([trial(0)])
    store.set_status(STUDY, JobStatus.COMPLETED, NOW, [])
    jobs.delete(STUDY)
    assert store.trials(STUDY) == []


def test_who_lost_the_lead_writes_nothing(database: Database, store: SqlTrialStore) -> None:
    def lost(connection: Connection) -> None:
        raise LostLead("another tuner took over")

    fenced = SqlTrialStore(database, lost)
    writes = (
        lambda: fenced.add([trial(0)]),
        lambda: fenced.finish(STUDY, [], 1.0, {"a": 1}, []),
        lambda: fenced.set_status(STUDY, JobStatus.FAILED, NOW, []),
        lambda: fenced.reopen(STUDY, NOW, {}, [trial(0)], []),
    )
    for write in writes:
        with pytest.raises(LostLead):
            write()
    assert store.trials(STUDY) == []
    assert store.active() == [STUDY]
