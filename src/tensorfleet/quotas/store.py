"""Limits in SQL, what is used of them, and the checks that run where something is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import dataset_versions, jobs, leases, trials, workspace_quotas
from tensorfleet.errors import FieldError, SpecInvalid
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobStatus, NewEvent
from tensorfleet.jobs.ports import NewJob
from tensorfleet.quotas.model import (
    CHANGED_EVENT,
    DAY,
    Limits,
    Used,
    check_datasets,
    check_day,
    check_queue,
    limits_from,
    never_fits,
)

_q = workspace_quotas.c


class SqlQuotaStore:
    """What was set by the API goes before what the settings say of the same workspace."""

    def __init__(self, database: Database, log: SqlEventLog, settings: Mapping[str, Limits]) -> None:
        self._database = database
        self._log = log
        self._settings = settings

    def find(self, workspace: str) -> tuple[Limits, str]:
        """The limits that hold, and where they are from: `api`, `settings` or `none`."""
        with self._database.read() as connection:
            stored = _stored(connection, workspace)
        if stored is not None:
            return stored, "api"
        return (self._settings[workspace], "settings") if workspace in self._settings else (Limits(), "none")

    def never_fits(self, workspace: str, resources: Mapping[str, Any]) -> list[FieldError]:
        """Why such a job could never start within the limits, by field."""
        return never_fits(self.find(workspace)[0], resources, workspace)

    def all(self) -> dict[str, Limits]:
        """The limits of all workspaces that have any."""
        with self._database.read() as connection:
            return {**self._settings, **stored_limits(connection)}

    def set(self, workspace: str, limits: Limits | None, now: datetime) -> None:
        """Replaces what was set; None takes it back.  The orchestrator learns it with its next decision."""
        event = NewEvent(CHANGED_EVENT, now, {"workspace": workspace})
        with self._database.begin() as connection:
            if limits is None:
                connection.execute(delete(workspace_quotas).where(_q.workspace == workspace))
            else:
                values = {"limits": limits.to_dict(), "changed_at": now}
                dialect = sqlite if self._database.is_sqlite else postgresql
                upsert = dialect.insert(workspace_quotas).values(workspace=workspace, **values)
                connection.execute(upsert.on_conflict_do_update(index_elements=["workspace"], set_=values))
            self._log.append(connection, [event])

    def used(self, workspace: str, now: datetime) -> Used:
        held = select(
            func.count(), func.coalesce(func.sum(leases.c.cpus), 0), func.coalesce(func.sum(leases.c.gpus), 0),
            func.coalesce(func.sum(leases.c.memory_bytes), 0),
        ).where(leases.c.workspace == workspace, leases.c.released_at.is_(None))  # fmt: skip
        with self._database.read() as connection:
            slots, cpus, gpus, memory = connection.execute(held).one()
            return Used(
                slots, float(cpus), float(gpus), int(memory), _queued(connection, workspace),
                _submitted(connection, workspace, now), _dataset_bytes(connection, workspace),
            )  # fmt: skip

    def admit_jobs(self, connection: Connection, new: Sequence[NewJob]) -> None:
        """Run in the transaction that has just added the jobs, and holds the event log's lock: submissions come one after the
        other.  Trials of studies pass, as their study has.

        Raises:
            SpecInvalid: one could never start within the limits; names the field.
            OverQuota: too many wait, or were submitted.
        """
        asked = [job for job in new if "study" not in job.inputs]
        for workspace in sorted({job.workspace for job in asked}):
            limits = _stored(connection, workspace) or self._settings.get(workspace)
            if limits is None:
                continue
            mine = [job for job in asked if job.workspace == workspace]
            for job in mine:
                if errors := never_fits(limits, job.spec["resources"], workspace):
                    raise SpecInvalid(errors)
            if limits.queued_jobs is not None and any(job.status is JobStatus.QUEUED for job in mine):
                check_queue(limits, _queued(connection, workspace), workspace)
            if limits.jobs_per_day is not None:
                check_day(limits, _submitted(connection, workspace, mine[-1].created_at), workspace)

    def admit_dataset(self, connection: Connection, workspace: str, added: int) -> None:
        """Run in the transaction that has just added a version of so many bytes.

        Raises:
            OverQuota: the workspace's datasets are larger than they may be.
        """
        limits = _stored(connection, workspace, lock=True)
        if limits is not None and limits.dataset_bytes is not None:
            check_datasets(limits, _dataset_bytes(connection, workspace), added, workspace)


def stored_limits(connection: Connection) -> dict[str, Limits]:
    """What was set by the API, by workspace."""
    return {row.workspace: limits_from(row.limits) for row in connection.execute(select(workspace_quotas))}


def _stored(connection: Connection, workspace: str, *, lock: bool = False) -> Limits | None:
    """`lock`: whoever adds waits for others who do, else two could count before either is seen."""
    query = select(_q.limits).where(_q.workspace == workspace)
    found = connection.execute(query.with_for_update() if lock else query).scalar_one_or_none()
    return None if found is None else limits_from(found)


def _queued(connection: Connection, workspace: str) -> int:
    waiting = (jobs.c.workspace == workspace) & (jobs.c.status == JobStatus.QUEUED.value)
    return int(connection.execute(select(func.count()).select_from(jobs).where(waiting)).scalar_one())


def _submitted(connection: Connection, workspace: str, now: datetime) -> int:
    """Trials have a study, which counts for them."""
    recent = (jobs.c.workspace == workspace) & (jobs.c.created_at > now - DAY)
    is_trial = exists().where(trials.c.job_id == jobs.c.id)
    query = select(func.count()).select_from(jobs).where(recent, ~is_trial)
    return int(connection.execute(query).scalar_one())


def _dataset_bytes(connection: Connection, workspace: str) -> int:
    query = select(func.coalesce(func.sum(dataset_versions.c.bytes), 0)).where(
        dataset_versions.c.workspace == workspace
    )
    return int(connection.execute(query).scalar_one())
