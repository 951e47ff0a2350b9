"""The process of role `tuner`: conducts studies until it is told to stop, or until there has been none for a while.

Optuna is imported when the first study is there.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import TYPE_CHECKING

import structlog

from tensorfleet import __version__
from tensorfleet.adapters.migrate import wait_for_schema
from tensorfleet.composition import FleetInputs, Services, build_services
from tensorfleet.errors import FieldError, LostLead, StorageFull, Unavailable
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.jobs.model import JobRecord
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.schemas import JobSpec
from tensorfleet.kit.clock import steady_clock
from tensorfleet.kit.logs import configure_logging
from tensorfleet.monitor.wake import TUNER_SOCKET_NAME
from tensorfleet.monitor.writer import Bell, stopped_by_signals
from tensorfleet.settings import Settings, ensure_home
from tensorfleet.trust.home import identity_for
from tensorfleet.trust.renewing import kept_fresh
from tensorfleet.tuner.conducting import Conducting
from tensorfleet.tuner.link import Link
from tensorfleet.tuner.reports import Reports
from tensorfleet.tuning.store import SqlTrialStore

if TYPE_CHECKING:
    from tensorfleet.tuner.conductor import Conductor

TUNER = "tuner"
LOOK_LOCAL_S = 0.01
LOOK_S = 0.05
IDLE_LOOK_S = 0.5
BACKOFF_S = 1.0
LEASE_S = 15.0
RENEW_S = LEASE_S / 3

log = structlog.get_logger(__name__)


class FleetJobs:
    """`conductor.Jobs` over the use cases of jobs."""

    def __init__(self, services: Services, wake: Callable[[], None]) -> None:
        self._services = services
        self._inputs = FleetInputs(services.datasets, services.blobs, services.workers)
        self._wake = wake

    def submit(self, new: Sequence[NewJob]) -> None:
        self._services.job_store.insert_many(new)
        self._wake()

    def begun_at(self, new: NewJob, source_id: str) -> NewJob:
        return self._services.forks.begun_at(new, source_id)

    def get(self, job_id: str) -> JobRecord:
        return self._services.jobs.get(job_id)

    def request(self, job_id: str, intent: str) -> None:
        self._services.jobs.request(job_id, intent)

    def check(self, spec: JobSpec) -> Sequence[FieldError]:
        return self._inputs.check_algorithm(spec)

    def most_accumulation(self, spec: JobSpec) -> int:
        return self._inputs.most_accumulation(spec)


def build(services: Services, lead: SqlLeadership, wake: Callable[[], None]) -> Conducting:
    clock = steady_clock()
    store = SqlTrialStore(services.database, lead.check)
    jobs = FleetJobs(services, wake)

    def conductor(study: JobRecord) -> Conductor:
        from tensorfleet.tuner.conductor import Conductor

        return Conductor(study, store, jobs, Reports(services.log), clock)

    return Conducting(services.log, store, services.jobs.get, conductor, clock)


def run(
    conducting: Conducting,
    lead: SqlLeadership,
    bell: Bell,
    look_s: float,
    exit_when_idle_s: float | None = None,
    clock_s: Callable[[], float] = time.monotonic,
) -> None:
    """Conducts until stopped, or until nothing ran for `exit_when_idle_s`."""
    renew_at = 0.0
    busy_at = clock_s()
    while not bell.stopped:
        now = clock_s()
        try:
            if now >= renew_at:
                if not _leads(lead):
                    bell.wait(BACKOFF_S)
                    continue
                renew_at = now + RENEW_S
            running = conducting.once()
        except LostLead:
            log.warning("another tuner took over")
            lead.term = None
            renew_at = 0.0
            conducting.forget()
            continue
        except (Unavailable, StorageFull) as error:
            log.warning("the metadata store is away; studies wait", problem=error.detail)
            bell.wait(BACKOFF_S, heed_nudges=False)
            continue
        if running:
            busy_at = now
        elif exit_when_idle_s is not None and now - busy_at >= exit_when_idle_s:
            return
        bell.wait(look_s if running else IDLE_LOOK_S)


def _shown(settings: Settings, conducting: Conducting, lead: SqlLeadership) -> AbstractContextManager[object]:
    """The role's metrics, where they are asked for."""
    if not settings.metrics.tuner:
        return nullcontext()
    from prometheus_client import Gauge

    from tensorfleet.kit.exposition import MetricsServer, new_registry

    registry = new_registry("tuner", __version__)
    studies = Gauge("tensorfleet_tuner_studies", "Studies that it conducts.", registry=registry)
    studies.set_function(lambda: float(conducting.running()))
    leads = Gauge("tensorfleet_tuner_leads", "1 while this one leads.", registry=registry)
    leads.set_function(lambda: float(lead.term is not None))
    token = settings.metrics.token_or(ensure_home(settings))
    return closing(MetricsServer(registry, settings.metrics.address_of("tuner"), token))


def _leads(lead: SqlLeadership) -> bool:
    if lead.term is None:
        return lead.acquire()
    lead.renew()
    return True


def main(settings: Settings, exit_when_idle_s: float | None = None) -> int:
    """The role's entry: returns the exit code."""
    configure_logging("tuner")
    token = ensure_home(settings)
    identity = identity_for(settings, TUNER)
    link = Link(settings.orchestrator, token, identity)
    services = build_services(settings, link.wake)
    lead = SqlLeadership(
        services.database, f"tuner on {socket.gethostname()} {settings.home}", LEASE_S, TUNER
    )
    conducting = build(services, lead, link.wake)
    bell = Bell(settings.run_dir / TUNER_SOCKET_NAME)
    look_s = LOOK_LOCAL_S if services.database.is_sqlite else LOOK_S
    try:
        with kept_fresh(identity), _shown(settings, conducting, lead), stopped_by_signals(bell):
            wait_for_schema(services.database)
            while True:
                bell.open()
                run(conducting, lead, bell, look_s, exit_when_idle_s)
                bell.hide()
                # What was left before a nudge that came to the closing door is seen by this last look.
                if bell.stopped or not conducting.pending():
                    break
        lead.resign()
    finally:
        bell.close()
        link.close()
        services.database.close()
    return 0
