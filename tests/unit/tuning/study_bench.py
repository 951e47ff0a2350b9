"""A tuner over a real store, for tests: the test plays the fleet, and says where the process dies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import jobs as jobs_table
from tensorfleet.errors import Conflict, FieldError, NotFound
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobRecord, JobStatus, NewEvent
from tensorfleet.jobs.ports import JobFilter, NewJob
from tensorfleet.jobs.schemas import JobSpec, parse_spec
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.kit.clock import utc_now
from tensorfleet.tuner.conducting import Conducting
from tensorfleet.tuner.conductor import Conductor
from tensorfleet.tuner.reports import Reports
from tensorfleet.tuning.model import KIND, TUNER_TOPIC
from tensorfleet.tuning.store import SqlTrialStore

STUDY = "j-study"
SPACE = {"C": {"float": [0.1, 10]}, "kernel": {"choice": ["rbf", "linear"]}}


class Crash(BaseException):
    """The process is killed."""


class Bench:
    """A tuner that can die before or after any of its writes, and the jobs of its trials, which the test ends."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.log = SqlEventLog(database)
        self.jobs = SqlJobStore(database)
        self.store = SqlTrialStore(database)
        self.now = utc_now()
        self.acts = 0
        self.crash_at: int | None = None
        self.asked: list[tuple[str, str]] = []
        self.begun: dict[str, str] = {}
        self.without_checkpoint: set[str] = set()
        self.refuse: Callable[[dict[str, Any]], str | None] = lambda params: None
        self.conducting = self.start()

    def start(self) -> Conducting:
        store: Any = _Brittle(self, self.store)
        return Conducting(
            self.log,
            store,
            self.jobs.get,
            lambda study: Conductor(study, store, self, Reports(self.log), self.clock),
            self.clock,
        )

    def clock(self) -> Any:
        self.now += timedelta(milliseconds=1)
        return self.now

    def act(self) -> None:
        self.acts += 1
        if self.acts == self.crash_at:
            raise Crash

    # ---- as `conductor.Jobs` -----------------------------------------------------------------------------------------

    def submit(self, new: Sequence[NewJob]) -> None:
        self.act()
        for answer in self.jobs.insert_many(new):
            assert isinstance(answer, tuple), answer
        self.act()

    def begun_at(self, new: NewJob, source_id: str) -> NewJob:
        self.act()
        if source_id in self.without_checkpoint:
            raise NotFound(f"job {source_id} has no checkpoint to fork from")
        self.begun[new.id] = source_id
        return new

    def ask_tuner(self, study_id: str, intent: str, data: dict[str, Any]) -> None:
        self.jobs.request(study_id, intent, self.clock(), TUNER_TOPIC, data)

    def page(self, *given: Any) -> tuple[list[JobRecord], str | None]:
        return self.jobs.page(*given)

    def get(self, job_id: str) -> JobRecord:
        return self.jobs.get(job_id)

    def request(self, job_id: str, intent: str) -> None:
        self.act()
        if self.jobs.get(job_id).status.ended:
            raise Conflict("it has ended")
        self.asked.append((job_id, intent))
        self.act()

    def check(self, spec: JobSpec) -> Sequence[FieldError]:
        wrong = self.refuse(spec.hyperparameters)
        return [FieldError("hyperparameters", wrong)] if wrong else []

    def most_accumulation(self, spec: JobSpec) -> int:
        return 1

    # ---- what the test does ------------------------------------------------------------------------------------------

    def submit_study(self, study_id: str = STUDY, **tune: Any) -> None:
        part = {"space": SPACE, "objective": {"metric": "accuracy", "direction": "maximize"}, **tune}
        given = {"name": "s", "kind": KIND, "algorithm": "svm", "dataset": "wine", "tune": part}
        spec = parse_spec(given).model_dump(mode="json")
        new = NewJob(study_id, "s", "default", KIND, 1, 1, spec, {"dataset": {"name": "wine"}}, self.now)
        self.jobs.insert(NewJob(**{**new.__dict__, "status": JobStatus.RUNNING}))

    def once(self) -> int:
        """One turn of the tuner; after a crash a new one."""
        try:
            return self.conducting.once()
        except Crash:
            self.crash_at = None
            self.conducting = self.start()
            return self.conducting.once()

    def open_jobs(self) -> list[JobRecord]:
        found, _ = self.jobs.page(JobFilter(kind="train"), 1000, None, "created_at")
        return sorted(
            (job for job in found if not job.status.ended), key=lambda job: job.inputs["study"]["trial"]
        )

    def end(self, job: JobRecord, status: JobStatus = JobStatus.COMPLETED, **metrics: float) -> None:
        values: dict[str, Any] = {"status": status.value, "metrics": metrics}
        if status is JobStatus.COMPLETED:
            values["result"] = {"metrics": metrics, "model": {"prefix": f"models/{job.id}/1"}}
        if status is JobStatus.FAILED:
            values["error"] = {"class": "user_error", "message": "it broke"}
        with self.database.begin() as connection:
            connection.execute(update(jobs_table).where(jobs_table.c.id == job.id).values(**values))
            self.log.append(connection, [NewEvent(f"job.{status.value}", self.clock(), {}, job.id)])

    def report(self, job: JobRecord, step: int, value: float) -> None:
        point = {"step": step, "at": 0.0, "values": {"accuracy": value}}
        with self.database.begin() as connection:
            event = NewEvent("metrics", self.clock(), {"rank": 0, "attempt": 1, "points": [point]}, job.id)
            self.log.append(connection, [event])

    def play(self) -> None:
        """Ends every job, with its value, until the study has ended."""
        for _ in range(100):
            self.once()
            if self.jobs.get(STUDY).status.ended:
                return
            for job in self.open_jobs():
                self.end(job, accuracy=value_of(job))
        raise AssertionError("the study does not end")

    def states(self) -> list[str]:
        return [trial.state.value for trial in self.store.trials(STUDY)]


class _Brittle:
    """The store, with a crash before or after each write."""

    def __init__(self, bench: Bench, store: SqlTrialStore) -> None:
        self._bench = bench
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in ("add", "finish", "set_status", "close_intent", "reopen"):
            return method

        def write(*given: Any, **named: Any) -> Any:
            self._bench.act()
            answer = method(*given, **named)
            self._bench.act()
            return answer

        return write


def value_of(job: JobRecord) -> float:
    return 1.0 / (1.0 + float(job.spec["hyperparameters"]["C"]))
