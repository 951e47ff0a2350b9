"""Trials in SQL, and those columns of a study's row that only the tuner writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import jobs, outbox, trials
from tensorfleet.errors import Conflict
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobStatus, NewEvent
from tensorfleet.kit.storable import storable_text
from tensorfleet.tuning.model import KIND, TUNER_TOPIC, Trial, TrialJob, TrialState
from tensorfleet.tuning.ports import Intent

_OPEN = (JobStatus.RUNNING.value, JobStatus.PAUSED.value)
_AT_ONCE = 500

Fence = Callable[[Connection], None]


class SqlTrialStore:
    """`TrialStore` on SQLite and PostgreSQL.

    Args:
        fence: called inside each transaction that writes; raises when the caller may not write any more.
    """

    def __init__(self, database: Database, fence: Fence = lambda connection: None) -> None:
        self._database = database
        self._log = SqlEventLog(database)
        self._fence = fence

    def trials(self, study_id: str) -> list[Trial]:
        """All of a study's, by number."""
        query = select(trials).where(trials.c.study_id == study_id).order_by(trials.c.number)
        with self._database.read() as connection:
            return [_trial(row) for row in connection.execute(query)]

    def jobs_of(self, job_ids: Sequence[str]) -> dict[str, TrialJob]:
        """Those of the jobs that there are, by id."""
        columns = (
            jobs.c.id, jobs.c.status, jobs.c.metrics, jobs.c.error, jobs.c.reason, jobs.c.cancel_requested
        )  # fmt: skip
        found = {}
        with self._database.read() as connection:
            for start in range(0, len(job_ids), _AT_ONCE):
                some = jobs.c.id.in_(job_ids[start : start + _AT_ONCE])
                for row in connection.execute(select(*columns).where(some)):
                    found[row.id] = TrialJob(
                        row.id,
                        JobStatus(row.status),
                        row.metrics,
                        row.error,
                        row.reason,
                        row.cancel_requested,
                    )
        return found

    def active(self) -> list[str]:
        """The studies that have not ended, oldest first."""
        query = select(jobs.c.id).where(jobs.c.kind == KIND, jobs.c.status.in_(_OPEN))
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(jobs.c.created_at, jobs.c.id)).scalars())

    def add(self, new: Sequence[Trial]) -> None:
        """Writes new trials, all or none.

        Raises:
            Conflict: one of the numbers is taken.
        """
        if not new:
            return
        try:
            with self._database.begin() as connection:
                self._fence(connection)
                connection.execute(insert(trials), [_row(trial) for trial in new])
        except IntegrityError as error:
            raise Conflict(f"study {new[0].study_id} has a trial {new[0].number} already") from error

    def finish(
        self,
        study_id: str,
        ended: Sequence[Trial],
        progress: float,
        metrics: dict[str, Any],
        events: Sequence[NewEvent],
    ) -> None:
        """Writes the ends of trials, with the study's figures and its log entries."""
        with self._database.begin() as connection:
            self._fence(connection)
            for trial in ended:
                _end(connection, trial)
            connection.execute(
                update(jobs).where(jobs.c.id == study_id).values(progress=progress, metrics=metrics)
            )
            self._log.append(connection, events)

    def set_status(
        self,
        study_id: str,
        status: JobStatus,
        now: datetime,
        events: Sequence[NewEvent],
        reason: str | None = None,
        result: dict[str, Any] | None = None,
    ) -> bool:
        """Moves a study that has not ended; False, and nothing written, when it has."""
        values: dict[str, Any] = {"status": status.value, "reason": reason and storable_text(reason)}
        values |= {"revision": jobs.c.revision + 1}
        if status.ended:
            values |= {"finished_at": now, "result": result}
        if status is JobStatus.FAILED:
            values |= {"error": {"class": "user_error", "message": values["reason"]}, "failure": "user_error"}
        if status is JobStatus.COMPLETED:
            values |= {"progress": 1.0, "metrics": (result or {}).get("metrics") or {}}
        mine = (jobs.c.id == study_id) & (jobs.c.kind == KIND) & jobs.c.status.in_(_OPEN)
        with self._database.begin() as connection:
            self._fence(connection)
            moved = connection.execute(update(jobs).where(mine).values(**values)).rowcount == 1
            if moved:
                self._log.append(connection, events)
        return moved

    def reopen(
        self,
        study_id: str,
        now: datetime,
        inputs: dict[str, Any],
        new: Sequence[Trial],
        events: Sequence[NewEvent],
    ) -> bool:
        """Lets a study that has ended run again, with new trials; False, and nothing written, when it has not ended.

        Each life counts as an attempt: the model that it ends with is a version of its own.
        """
        ended = jobs.c.status.in_([status.value for status in JobStatus if status.ended])
        mine = (jobs.c.id == study_id) & (jobs.c.kind == KIND) & ended
        values: dict[str, Any] = {"status": JobStatus.RUNNING.value, "inputs": inputs, "reason": None}
        values |= {"error": None, "failure": None, "result": None, "finished_at": None}
        values |= {"cancel_requested": False}
        values |= {"attempt": jobs.c.attempt + 1, "revision": jobs.c.revision + 1}
        with self._database.begin() as connection:
            self._fence(connection)
            moved = connection.execute(update(jobs).where(mine).values(**values)).rowcount == 1
            if moved:
                if new:
                    connection.execute(insert(trials), [_row(trial) for trial in new])
                self._log.append(connection, events)
        return moved

    def open_intents(self) -> list[Intent]:
        """What people asked for and was not yet done, oldest first."""
        query = (
            select(outbox)
            .where(outbox.c.topic == TUNER_TOPIC, outbox.c.done_at.is_(None))
            .order_by(outbox.c.id)
        )
        with self._database.read() as connection:
            return [Intent(row.id, row.ref, row.kind, row.data) for row in connection.execute(query)]

    def close_intent(self, intent_id: int, now: datetime) -> None:
        with self._database.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.id == intent_id).values(done_at=now))


def _end(connection: Connection, trial: Trial) -> None:
    mine = (trials.c.study_id == trial.study_id) & (trials.c.number == trial.number)
    mine &= trials.c.state == TrialState.RUNNING.value
    values = {
        "state": trial.state.value,
        "values": None if trial.values is None else list(trial.values),
        "reason": trial.reason and storable_text(trial.reason),
        "finished_at": trial.finished_at,
    }
    connection.execute(update(trials).where(mine).values(**values))


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "study_id": trial.study_id,
        "number": trial.number,
        "job_id": trial.job_id,
        "params": trial.params,
        "state": trial.state.value,
        "values": None if trial.values is None else list(trial.values),
        "reason": trial.reason,
        "notes": trial.notes,
        "created_at": trial.created_at,
        "finished_at": trial.finished_at,
    }


def _trial(row: Row[Any]) -> Trial:
    found = row._mapping
    return Trial(
        row.study_id,
        row.number,
        row.job_id,
        found["params"],
        row.created_at,
        TrialState(row.state),
        None if found["values"] is None else tuple(found["values"]),
        row.reason,
        row.notes,
        row.finished_at,
    )
