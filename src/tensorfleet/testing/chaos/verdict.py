"""Reads the metadata store after a run and checks every job in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import jobs, leases, outbox, tasks, workers
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.testing.chaos.checks import Ended, LeaseSpan, Problem, check_job, check_slots
from tensorfleet.testing.chaos.ledger_checks import check_ledger
from tensorfleet.testing.chaos.plan import JobPlan, Plan
from tensorfleet.testing.chaos.trace import JobTrace

PAGE = 5000


@dataclass(frozen=True)
class Verdict:
    """What was found: how the jobs ended, what they lived through, and everything that is wrong."""

    jobs: Counter[str]
    attempts: int
    attempt_ends: Counter[str]
    lines: int
    points: int
    problems: tuple[Problem, ...]

    @property
    def good(self) -> bool:
        return not self.problems


class Reader:
    """The rows and entries of a run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ended_count(self) -> int:
        with self._database.read() as connection:
            query = select(func.count()).where(jobs.c.status.in_(("completed", "failed", "cancelled")))
            return int(connection.execute(query).scalar_one())

    def paused(self) -> list[str]:
        with self._database.read() as connection:
            return [row.id for row in connection.execute(select(jobs.c.id).where(jobs.c.status == "paused"))]

    def unsettled(self) -> tuple[int, int]:
        """How many leases are in force, and how many commands agents have not confirmed."""
        with self._database.read() as connection:
            live = select(func.count()).where(leases.c.released_at.is_(None))
            orders = select(func.count()).where(outbox.c.done_at.is_(None), outbox.c.topic.like("agent:%"))
            return int(connection.execute(live).scalar_one()), int(connection.execute(orders).scalar_one())

    def ended(self) -> dict[str, Ended]:
        """Jobs by name."""
        columns = (jobs.c.id, jobs.c.name, jobs.c.status, jobs.c.attempt, jobs.c.error)
        with self._database.read() as connection:
            return {
                row.name: Ended(row.id, row.status, row.attempt, (row.error or {}).get("class"))
                for row in connection.execute(select(*columns))
            }

    def count(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(jobs)).scalar_one())

    def leases(self) -> dict[str, list[LeaseSpan]]:
        """Leases by job id."""
        query = select(leases, tasks.c.attempt, tasks.c.rank, tasks.c.status.label("task_status"))
        query = query.join(tasks, tasks.c.lease == leases.c.token).order_by(leases.c.token)
        found: dict[str, list[LeaseSpan]] = defaultdict(list)
        with self._database.read() as connection:
            for row in connection.execute(query):
                span = LeaseSpan(
                    row.token,
                    row.worker_id,
                    row.attempt,
                    row.rank,
                    row.task_status,
                    row.granted_at,
                    row.released_at,
                )
                found[row.job_id].append(span)
        return found

    def slots(self) -> dict[str, int]:
        with self._database.read() as connection:
            return {row.id: row.slots for row in connection.execute(select(workers.c.id, workers.c.slots))}

    def check_ledger(self) -> list[Problem]:
        return check_ledger(self._database)

    def traces(self) -> dict[str, JobTrace]:
        """The whole event log, by job id."""
        log = SqlEventLog(self._database)
        found: dict[str, JobTrace] = defaultdict(JobTrace)
        position = 0
        while page := log.read_after(position, PAGE):
            for event in page:
                if event.job_id is not None:
                    found[event.job_id].add(event)
            position = page[-1].id
        return found


def judge(plan: Plan, reader: Reader) -> Verdict:
    """Checks every job of the plan, and that there are no others."""
    ended, spans, traces = reader.ended(), reader.leases(), reader.traces()
    problems: list[Problem] = []
    for job in plan.jobs:
        found = ended.get(job.name)
        if found is None:
            problems.append(Problem(job.name, "accepted", "it is not in the metadata store"))
        else:
            problems += check_job(job, found, traces[found.id], spans.get(found.id, []))
    if reader.count() != len(plan.jobs):
        problems.append(
            Problem("", "accepted", f"{reader.count()} jobs are stored, {len(plan.jobs)} were submitted")
        )
    every = [span for of_job in spans.values() for span in of_job]
    problems += check_slots(every, reader.slots())
    problems += reader.check_ledger()
    live, orders = reader.unsettled()
    if live or orders:
        problems.append(
            Problem("", "nothing left", f"{live} leases and {orders} commands to agents are still open")
        )
    return _summary(plan.jobs, ended, traces, tuple(problems))


def _summary(
    planned: tuple[JobPlan, ...],
    ended: dict[str, Ended],
    traces: dict[str, JobTrace],
    problems: tuple[Problem, ...],
) -> Verdict:
    ranks = [rank for trace in traces.values() for rank in trace.ranks.values()]
    finished: Counter[str] = Counter()
    for trace in traces.values():
        finished.update(_class_of(data) for kind, data in trace.lifecycle if kind == "job.requeued")
    return Verdict(
        jobs=Counter(ended[job.name].status for job in planned if job.name in ended),
        attempts=sum(found.attempt for found in ended.values()),
        attempt_ends=finished,
        lines=sum(text.count("\n") for rank in ranks for text in rank.text),
        points=sum(len(rank.points) for rank in ranks),
        problems=problems,
    )


def _class_of(data: dict[str, Any]) -> str:
    return str(data.get("class") or data.get("reason"))
