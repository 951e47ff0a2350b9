"""Use cases of jobs, as the gateway and the gRPC service offer them.  Reads answer; writes leave intents for the orchestrator."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from typing import Any, Protocol

from tensorfleet.audit.current import note
from tensorfleet.errors import (
    Conflict,
    FieldError,
    InvalidInput,
    NotFound,
    NotPermitted,
    SpecInvalid,
    TensorFleetError,
    nearest,
)
from tensorfleet.jobs import leaderboard
from tensorfleet.jobs.batch import OnceInputs
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobRecord, JobStatus
from tensorfleet.jobs.ports import JobFilter, JobStore, NewJob, Rights, Unrestricted
from tensorfleet.jobs.schemas import JobSpec, parse_spec
from tensorfleet.kit import tracing
from tensorfleet.kit.clock import Clock, rfc3339
from tensorfleet.kit.ids import new_id
from tensorfleet.tuning.model import KIND, TUNER_TOPIC

_ALLOWED: dict[str, tuple[JobStatus, ...]] = {
    "cancel": (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED),
    "pause": (JobStatus.QUEUED, JobStatus.RUNNING),
    "resume": (JobStatus.PAUSED, JobStatus.RUNNING),
    "retry": (JobStatus.FAILED, JobStatus.CANCELLED),
}
_ALREADY = {"cancel": JobStatus.CANCELLED, "pause": JobStatus.PAUSED}


class Inputs(Protocol):
    """What a spec's names stand for; each method raises an error of the tree when they stand for nothing."""

    def dataset(self, reference: str, workspace: str) -> dict[str, Any]:
        """The version that `name`, `name@version` or a sample means now, as a task needs it."""
        ...

    def code(self, digest: str) -> dict[str, Any]: ...

    def check_algorithm(self, spec: JobSpec) -> Sequence[FieldError]:
        """Wrong algorithm or hyperparameters, by field."""
        ...

    def most_accumulation(self, spec: JobSpec) -> int:
        """Into how many micro-batches the job's batches can be split; 1 for code that cannot."""
        ...

    def check_capacity(self, spec: JobSpec) -> Sequence[FieldError]:
        """Requests that the fleet could never serve."""
        ...

    def check_secrets(self, spec: JobSpec) -> Sequence[FieldError]:
        """Secrets that the job's workspace does not have, by field."""
        ...


class JobService:
    """Submits, reads and steers jobs."""

    def __init__(
        self,
        store: JobStore,
        log: SqlEventLog,
        inputs: Inputs,
        clock: Clock,
        wake: Callable[[], None],
        wake_tuner: Callable[[], None] = lambda: None,
        clear: Callable[[JobRecord], None] = lambda job: None,
        rights: Rights | None = None,
    ) -> None:
        """`clear` removes what a job that is about to be deleted has left elsewhere; `rights` are of whoever calls."""
        self._clear = clear
        self._rights = rights or Unrestricted()
        self._store = store
        self._log = log
        self._inputs = inputs
        self._clock = clock
        self._wake = wake
        self._wake_tuner = wake_tuner

    def submit(self, data: Any, idempotency_key: str | None) -> tuple[JobRecord, bool]:
        """Validates and queues a job; `(job, True)`, or `(the first one, False)` when the key was used before.

        Raises:
            SpecInvalid: names every field that is wrong.
            Conflict: the key was used for a different job.
        """
        found = self._store.insert(self.prepare(data, idempotency_key))
        note_queued(*found)
        self._wake_leader_of(found[0].kind)
        return found

    def submit_many(
        self, items: Sequence[tuple[Any, str | None]]
    ) -> list[tuple[JobRecord, bool] | TensorFleetError]:
        """Submits each job with its key, all in one transaction; what is wrong with one is the answer for that one."""
        once = OnceInputs(self._inputs)
        wakes = (self._wake, self._wake_tuner, self._clear)
        checked = JobService(self._store, self._log, once, self._clock, *wakes, self._rights)
        prepared: list[NewJob | TensorFleetError] = []
        for data, key in items:
            try:
                prepared.append(checked.prepare(data, key))
            except TensorFleetError as error:
                prepared.append(error)
        queued = iter(self._store.insert_many([job for job in prepared if isinstance(job, NewJob)]))
        for kind in {job.kind for job in prepared if isinstance(job, NewJob)}:
            self._wake_leader_of(kind)
        answers = [next(queued) if isinstance(job, NewJob) else job for job in prepared]
        note(after={"job_ids": [one[0].id for one in answers if not isinstance(one, TensorFleetError)]})
        return answers

    def prepare(self, data: Any, idempotency_key: str | None) -> NewJob:
        """A submission, validated, as it would be queued; nothing is written."""
        if idempotency_key is not None and not 0 < len(idempotency_key) <= 200:
            raise InvalidInput("Idempotency-Key has to have 1 to 200 characters")
        spec = parse_spec(data)
        self._rights.check_write(spec.workspace)
        inputs = self._resolve(spec) | {"most_accumulation": self._inputs.most_accumulation(spec)}
        inputs |= {"traceparent": parent} if (parent := tracing.current.get()) else {}
        return NewJob(
            id=new_id("j"),
            name=spec.name,
            workspace=spec.workspace,
            kind=spec.kind,
            priority=spec.priority.rank,
            workers=spec.resources.workers,
            spec=spec.model_dump(mode="json"),
            inputs=inputs,
            created_at=self._clock(),
            idempotency_key=idempotency_key,
            status=JobStatus.RUNNING if spec.kind == KIND else JobStatus.QUEUED,
        )

    def _wake_leader_of(self, kind: str) -> None:
        (self._wake_tuner if kind == KIND else self._wake)()

    def _resolve(self, spec: JobSpec) -> dict[str, Any]:
        errors = [*self._inputs.check_algorithm(spec), *self._inputs.check_capacity(spec)]
        if spec.secrets:
            self._rights.check_secrets(spec.workspace)
            errors += self._inputs.check_secrets(spec)
        inputs: dict[str, Any] = {}
        if spec.dataset is not None:
            try:
                inputs["dataset"] = self._inputs.dataset(spec.dataset, spec.workspace)
            except (NotFound, InvalidInput) as error:
                errors.append(FieldError("dataset", error.detail, error.code))
        if spec.code is not None:
            try:
                inputs["code"] = self._inputs.code(spec.code.digest)
            except (NotFound, InvalidInput) as error:
                errors.append(FieldError("code.digest", error.detail, error.code))
        if "dataset" in inputs and spec.target_column is not None:
            errors += _check_target(spec.target_column, inputs["dataset"])
        if errors:
            raise SpecInvalid(errors)
        return inputs

    def get(self, job_id: str) -> JobRecord:
        return self._store.get(job_id)

    def page(
        self, filters: JobFilter, limit: int, cursor: str | None, sort: str
    ) -> tuple[list[JobRecord], str | None]:
        return self._store.page(replace(filters, within=self._rights.readable()), limit, cursor, sort)

    def counts(self, filters: JobFilter) -> dict[str, int]:
        """How many of them there are by status."""
        return self._store.counts(replace(filters, within=self._rights.readable()))

    def request(self, job_id: str, intent: str) -> JobRecord:
        """Asks the orchestrator to cancel, pause, resume or retry a job.

        Raises:
            Conflict: the job's status does not allow it.
        """
        job = self._store.get(job_id)
        self._rights.check_write(job.workspace)
        if job.status is _ALREADY.get(intent):
            return job
        if objection := _objection(job, intent):
            raise objection
        self._store.request(job_id, intent, self._clock(), _topic(job))
        self._wake_leader_of(job.kind)
        changed = self._store.get(job_id)
        note(
            workspace=job.workspace, before=_state_of(job), after={"requested": intent, **_state_of(changed)}
        )
        return changed

    def request_many(self, job_ids: Sequence[str], intent: str) -> list[JobRecord | TensorFleetError]:
        """`request` for several jobs in one transaction; what is wrong with one is the answer for that one."""
        found = {job.id: job for job in self._store.get_many(job_ids).values() if self._may_write(job)}
        asked = {
            job.id: job
            for job in found.values()
            if job.status is not _ALREADY.get(intent) and _objection(job, intent) is None
        }
        if asked:
            topics = {job_id: _topic(job) for job_id, job in asked.items()}
            self._store.request_many(intent, topics, self._clock())
            note(after={"job_ids": list(asked), "intent": intent})
        for kind in {job.kind for job in asked.values()}:
            self._wake_leader_of(kind)
        now = found | (self._store.get_many(list(asked)) if asked else {})
        return [_answer(job_id, now.get(job_id), intent, asked) for job_id in job_ids]

    def _may_write(self, job: JobRecord) -> bool:
        try:
            self._rights.check_write(job.workspace)
        except (NotFound, NotPermitted):
            return False
        return True

    def ask_tuner(self, study_id: str, intent: str, data: dict[str, Any]) -> None:
        self._store.request(study_id, intent, self._clock(), TUNER_TOPIC, data)
        note(after={"intent": intent, **data})
        self._wake_tuner()

    def delete(self, job_id: str) -> None:
        """Forgets an ended job, its log, and what only it has in the object store.

        Raises:
            Conflict: it has not ended.
            Unavailable: the object store is away.
        """
        job = self._store.get(job_id)
        if job.status.ended:
            self._clear(job)
        self._store.delete(job_id)
        note(workspace=job.workspace, before={"name": job.name, "kind": job.kind, **_state_of(job)})

    def tasks(self, job_id: str) -> dict[str, Any]:
        self._store.get(job_id)
        return {"tasks": self._store.tasks(job_id)}

    def evaluation(self, job_id: str) -> dict[str, Any]:
        """All that was measured of the job's model, with the curves that the job itself is shown without.

        Raises:
            NotFound: it has none: it has not ended yet, or own code ran, which is measured by its own metrics.
        """
        job = self._store.get(job_id)
        found = (job.result or {}).get("evaluation")
        if not found:
            raise NotFound(
                f"job {job_id} is {job.status.value} and has no evaluation; a built-in has one when it has completed"
            )
        return {"job_id": job_id, "metrics": job.metrics, "evaluation": found}

    def leaderboard(self, job_id: str) -> list[dict[str, Any]]:
        """What a job of `auto` has tried, the best first; of one that runs, what it has tried so far.

        Raises:
            NotFound: it is of another algorithm.
        """
        job = self._store.get(job_id)
        if job.spec.get("algorithm") != "auto":
            raise NotFound(f"job {job_id} has no leaderboard; jobs with `algorithm: auto` have one")
        details = ((job.result or {}).get("evaluation") or {}).get("details") or {}
        if "leaderboard" in details:
            return list(details["leaderboard"])
        return leaderboard.of_events(event.data for event in self._read_all(job_id, 0, ("candidate",)))

    def logs(
        self, job_id: str, after: int, limit: int, rank: int | None
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Pieces of the log in the order of arrival, and the position of the next page (None at the end)."""
        self._store.get(job_id)
        found = self._log.read_after(after, limit + 1, job_id, ("log",))
        shown = [event for event in found[:limit] if rank is None or event.data["rank"] == rank]
        return [_log_entry(event) for event in shown], found[limit - 1].id if len(found) > limit else None

    def log_tail(self, job_id: str, lines: int, rank: int | None) -> list[dict[str, Any]]:
        """The pieces that hold the last `lines` lines (the first piece may begin before them)."""
        self._store.get(job_id)
        found = self._log.read_last(job_id, "log", min(10_000, max(50, lines)))
        kept: list[dict[str, Any]] = []
        missing = lines
        for event in reversed(found):
            if rank is not None and event.data["rank"] != rank:
                continue
            entry = _log_entry(event)
            pieces = entry["text"].splitlines(keepends=True)
            entry["text"] = "".join(pieces[-missing:])
            kept.append(entry)
            missing -= len(pieces)
            if missing <= 0:
                break
        return kept[::-1]

    def _read_all(self, job_id: str, after: int, kinds: Sequence[str]) -> Any:
        while page := self._log.read_after(after, 1000, job_id, kinds):
            yield from page
            after = page[-1].id


def _topic(job: JobRecord) -> str:
    return TUNER_TOPIC if job.kind == KIND else "orchestrator"


def _objection(job: JobRecord, intent: str) -> Conflict | None:
    if job.status in _ALLOWED[intent]:
        return None
    allowed = ", ".join(status.value for status in _ALLOWED[intent])
    return Conflict(f"job {job.id} is {job.status.value}; {intent} is possible while it is {allowed}")


def _answer(
    job_id: str, job: JobRecord | None, intent: str, asked: Container[str]
) -> JobRecord | TensorFleetError:
    if job is None:
        return NotFound(f"there is no job '{job_id[:80]}'")
    done = job_id in asked or job.status is _ALREADY.get(intent)
    return job if done else _objection(job, intent) or job


def note_queued(job: JobRecord, created: bool) -> None:
    """For the audit log: which job a call has queued, or found queued already under its key."""
    said = {
        "job_id": job.id,
        "name": job.name,
        "kind": job.kind,
        "dataset": job.spec.get("dataset"),
        "created": created,
    }
    note(target=("job", job.id), workspace=job.workspace, after=said)


def _state_of(job: JobRecord) -> dict[str, Any]:
    return {
        "status": job.status.value,
        "cancel_requested": job.cancel_requested,
        "pause_requested": job.pause_requested,
    }


def _log_entry(event: Any) -> dict[str, Any]:
    data = event.data
    return {
        "id": event.id,
        "at": rfc3339(event.at),
        "rank": data["rank"],
        "attempt": data["attempt"],
        "text": data["text"],
    }


def _check_target(target: str, dataset: dict[str, Any]) -> list[FieldError]:
    columns = [column["name"] for column in dataset["columns"]]
    if target in columns:
        return []
    return [
        FieldError(
            "target_column",
            f"dataset {dataset['name']} has no column '{target}'; {nearest(target, columns)}",
            "unknown_column",
        )
    ]
