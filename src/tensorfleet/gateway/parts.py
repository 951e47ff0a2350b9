"""Each part of the platform as the gateway finds it, and what that means for users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from tensorfleet.adapters.guarded import GuardedObjectStore
from tensorfleet.composition import Services
from tensorfleet.errors import TensorFleetError
from tensorfleet.fleet.conditions import Condition, Leader, SqlConditions
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.jobs.model import Event
from tensorfleet.kit.breaker import Reading
from tensorfleet.kit.clock import rfc3339
from tensorfleet.monitor.drain import CURSOR
from tensorfleet.monitor.story import WATCHED
from tensorfleet.registry.store import SqlRegistryStore

LATE = timedelta(seconds=60)
"""A tracking writer that has to start first, on a busy machine, is not late before this."""
_LOOK_AHEAD = 100_000  # log entries; most of them are of no use to tracking

Status = Literal["ok", "degraded", "away", "unknown"]
DATABASE_AWAY = (
    "nothing can be submitted or read until it is back; "
    "running tasks go on, and what they report waits where they run"
)
OBJECTS_AWAY = (
    "jobs are accepted and running ones go on; uploads and downloads are refused, and tasks that need files to start "
    "or end are tried again, until it is back"
)
NO_LEADER = "jobs are accepted and wait; running tasks go on, and what they report waits where they run"
NO_STANDBY = "everything works; if the leader is lost now, jobs wait until it is started again"
NO_WORKERS = "jobs are accepted and wait until a worker joins"
QUARANTINE = "nothing new is placed on these workers until their machines are well; what they run goes on"
LAUNCHER_AWAY = (
    "workers that are here go on with their jobs; none is started, ended or replaced until it is back"
)
NOT_UP = "jobs that need these workers wait; the workers that are here go on"
LOW_DISK = "jobs on these workers pause and nothing is placed there until there is space; the others go on"
TRACKING_WAITS = (
    "jobs run, end and show their metrics here; their runs in MLflow and their model versions appear later, "
    "each once; nothing is lost"
)
REDIS_AWAY = (
    "everything works; live streams look into the database instead, and may lag by a few tenths of a second"
)


@dataclass(frozen=True)
class Part:
    """One part; `since` is None where only the one who asks often can tell."""

    status: Status
    since: datetime | None = None
    detail: str | None = None
    meaning: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"status": self.status, "since": rfc3339(self.since)}
        shown |= {"detail": self.detail} if self.detail else {}
        shown |= {"meaning": self.meaning} if self.meaning else {}
        return shown | self.facts


UNKNOWN = Part("unknown", detail="the database, where this stands, is away")


class Noticed:
    """Remembers when each part was first seen as it is, for those that do not know it themselves."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Status, datetime]] = {}

    def dated(self, name: str, part: Part, now: datetime) -> Part:
        status, since = self._seen.get(name, (None, now))
        if status != part.status:
            since = now
        since = part.since or since
        self._seen[name] = (part.status, since)
        return replace(part, since=since)


def database_part(services: Services) -> Part:
    try:
        services.database.ping()
    except TensorFleetError as error:
        return Part("away", detail=error.detail, meaning=DATABASE_AWAY)
    return Part("ok")


def objects_part(objects: GuardedObjectStore) -> Part:
    try:
        objects.ping()
    except TensorFleetError as error:
        reading = objects.breaker.reading
        since = None if reading.closed else reading.since
        return Part("away", since, error.detail, OBJECTS_AWAY, _next_try(reading.next_try_at))
    return Part("ok")


def redis_part(failure: str | None, reading: Reading) -> Part:
    """`failure` is what a ping came to."""
    if failure is None:
        return Part("ok")
    since = None if reading.closed else reading.since
    return Part("away", since, failure, REDIS_AWAY, _next_try(reading.next_try_at))


def orchestrator_part(serving: Sequence[bool | None], leader: Leader | None, now: datetime) -> Part:
    """`serving` as `OrchestratorLink.serving` gives it; `leader` as the database has it, None when that is not known."""
    standbys, silent = serving.count(False), serving.count(None)
    facts: dict[str, Any] = {"standbys": standbys}
    if True not in serving:
        over = leader is not None and leader.expires_at < now
        since = leader.expires_at if leader is not None and over else None
        last = f"the last to lead was {leader.holder}" if leader else "none has led yet"
        return Part("away", since, f"no orchestrator leads; {last}", NO_LEADER, facts)
    if leader is not None:
        facts |= {"leader": leader.holder, "term": leader.term}
    if silent:
        detail = f"{silent} of {len(serving)} orchestrators do not answer"
        return Part("degraded", None, detail, NO_STANDBY if not standbys else None, facts)
    return Part("ok", facts=facts)


def workers_part(workers: Sequence[Worker], wanted: int | None = None) -> Part:
    """`wanted`: how many the autoscaler wants; None where there is none, or where it does not know."""
    online = [worker for worker in workers if worker.state is WorkerState.ONLINE]
    low = [worker.name for worker in online if worker.stats.get("low_disk")]
    held = sorted(worker.name for worker in online if worker.quarantine is not None)
    lost = sum(worker.state is WorkerState.LOST for worker in workers)
    facts: dict[str, Any] = {"online": len(online), "slots": sum(worker.slots for worker in online)}
    facts |= {"lost": lost} if lost else {}
    facts |= {"quarantined": held} if held else {}
    if not online:
        if wanted == 0:
            return Part("ok", facts=facts | {"wanted": 0})
        since = max((worker.seen_at for worker in workers), default=None)
        if wanted:
            detail = f"no worker is online yet; {wanted} {'is' if wanted == 1 else 'are'} wanted"
            return Part("degraded", since, detail, NO_WORKERS, facts | {"wanted": wanted})
        return Part("away", since, "no worker is online", NO_WORKERS, facts)
    if low:
        detail = f"low on disk space: {', '.join(sorted(low)[:10])}"
        return Part("degraded", None, detail, LOW_DISK, facts | {"low_disk": sorted(low)})
    if held:
        named = ", ".join(held[:10]) + (" and others" if len(held) > 10 else "")
        return Part("degraded", None, f"in quarantine: {named}", QUARANTINE, facts)
    return Part("ok", facts=facts)


def launcher_part(told: Condition | None) -> Part | None:
    """What starts agents, as the orchestrator told of it last; None where it was never in trouble."""
    if told is None:
        return None
    if told.status == "ok":
        return Part("ok", told.since)
    if told.status == "away":
        return Part("away", told.since, told.detail, LAUNCHER_AWAY)
    return Part("degraded", told.since, told.detail, NOT_UP)


def find_tracking(services: Services, now: datetime) -> Part:
    """How far MLflow is behind, and what its writer says about it."""
    position = services.log.cursor(CURSOR)
    first = services.log.find_after(position, WATCHED, _LOOK_AHEAD)
    behind = services.log.last_id() - position if first else 0
    intents = len(SqlRegistryStore(services.database).open_intents(1000))
    return tracking_part(SqlConditions(services.database).find(CURSOR), first, behind, intents, now)


def tracking_part(
    told: Condition | None, first: Event | None, behind: int, intents: int, now: datetime
) -> Part:
    """Well as long as nothing waits, whatever MLflow is doing.

    Args:
        told: the writer's last word about MLflow.
        first: the oldest log entry that waits; `behind` entries of the log, of any kind, come after the writer's position.
        intents: changes of the registry that wait.
    """
    facts: dict[str, Any] = {"behind": behind, "registry_changes": intents}
    if first is None and not intents:
        return Part("ok", told.since if told and told.status == "ok" else None, facts=facts)
    waits = [f"{behind:,} log entries behind"] if first else []
    waits += [f"{intents:,} changes of the registry wait"] if intents else []
    if told is not None and told.status == "away":
        detail = f"{told.detail}; {', '.join(waits)}"
        return Part("away", told.since, detail, TRACKING_WAITS, facts | _next_try(told.next_try_at))
    if first is not None and now - first.at > LATE:
        return Part("degraded", first.at, f"the tracking writer is {', '.join(waits)}", TRACKING_WAITS, facts)
    return Part("ok", told.since if told else None, facts=facts)


def _next_try(at: datetime | None) -> dict[str, Any]:
    return {} if at is None else {"next_try_at": rfc3339(at)}
