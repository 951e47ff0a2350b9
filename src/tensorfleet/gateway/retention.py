"""Removes what is too old, from time to time; of several gateways one does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from tensorfleet.access.store import SqlAccessStore
from tensorfleet.audit.journal import Journal
from tensorfleet.audit.model import Draft, change_of
from tensorfleet.audit.service import to_us
from tensorfleet.composition import Services
from tensorfleet.errors import LostLead, TensorFleetError
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.fleet.usage_store import SqlUsage
from tensorfleet.kit.clock import utc_now
from tensorfleet.kit.ids import new_id
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.retention.model import Item, Kind, Rules, Spans
from tensorfleet.retention.service import Retention
from tensorfleet.retention.store import SqlRetentionStore
from tensorfleet.settings_retention import RetentionRules, RetentionSettings

LEASE_S = 60.0
ACTOR = "retention"
log = structlog.get_logger(__name__)


def rules_of(given: RetentionSettings) -> Rules:
    default = {kind: _span(getattr(given, kind.value)) for kind in Kind}
    return Rules(default, {name: {**default, **_own(one)} for name, one in given.workspaces.items()})


def _own(given: RetentionRules) -> Spans:
    said = given.model_dump(exclude_unset=True)
    return {Kind(name): _span(value) for name, value in said.items()}


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def retention_of(services: Services, journal: Journal) -> Retention:
    def told(item: Item) -> None:
        removed = {"kind": item.kind.value, "bytes": item.bytes}
        draft = Draft(
            new_id("a"), to_us(utc_now()), f"retention.remove_{item.kind.value}", actor_id=ACTOR, actor_name=ACTOR,
            target_kind="job", target=item.job.id, workspace=item.job.workspace, outcome=200,
            before=change_of(removed | {"name": item.job.name}),
        )  # fmt: skip
        journal.add(draft)

    return Retention(
        SqlRetentionStore(services.database),
        services.objects,
        SqlRegistryStore(services.database).refers_to,
        services.jobs.delete,
        told,
        rules_of(services.settings.retention),
        utc_now,
    )


class Sweeper:
    """Sweeps at its times, in a thread of its own."""

    def __init__(self, services: Services, retention: Retention) -> None:
        self._retention = retention
        self._given = services.settings.retention
        self._access = SqlAccessStore(services.database)
        self._usage = SqlUsage(services.database)
        holder = f"gateway on {socket.gethostname()} {services.settings.home}"
        self._lead = SqlLeadership(services.database, holder, LEASE_S, "retention")
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="retention", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(5.0)

    def once(self) -> int:
        """One look, if this gateway is the one that does it; how much was removed."""
        if not self._lead.acquire():
            return 0
        removed = self._retention.sweep(self._still)
        span = _span(self._given.sessions)
        if span is not None and self._still():
            self._access.forget_sessions(utc_now() - span)
        if self._still():
            kept = _span(self._given.usage)
            self._usage.prune(utc_now(), utc_now() - kept if kept is not None else None)
        return len(removed)

    def _still(self) -> bool:
        try:
            self._lead.renew()
        except LostLead:
            return False
        return not self._stop.is_set()

    def _run(self) -> None:
        while not self._stop.wait(self._given.every):
            try:
                removed = self.once()
                if removed:
                    log.info("removed what was too old", pieces=removed)
            except TensorFleetError as error:
                log.warning("what is too old is removed later", problem=error.detail)
            except Exception:
                log.exception("what is too old is removed later")
