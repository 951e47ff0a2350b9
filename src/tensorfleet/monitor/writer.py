"""The process of role `monitor`: drains the log into MLflow until it is told to stop."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Protocol

import structlog

from tensorfleet import __version__
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.guarded import GuardedTracking, guarded, is_away
from tensorfleet.adapters.migrate import wait_for_schema
from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.adapters.redis_wakes import open_herald
from tensorfleet.errors import Internal, StorageFull, Unavailable
from tensorfleet.fleet.conditions import Condition, SqlConditions
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.kit.breaker import Breaker, Reading
from tensorfleet.kit.clock import Clock, steady_clock
from tensorfleet.kit.logs import configure_logging
from tensorfleet.monitor import hooks, rolling
from tensorfleet.monitor.drain import CURSOR, Drain
from tensorfleet.monitor.keepsakes import Keepsakes
from tensorfleet.monitor.wake import SOCKET_NAME
from tensorfleet.registry.ports import TrackingBackend
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.series.rolling import Rolling
from tensorfleet.series.store import SqlSeriesStore
from tensorfleet.settings import Settings, ensure_home

POLL_S = 1.0
BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 30.0

_log = structlog.get_logger(__name__)


class Health(Protocol):
    """What the loop asks about MLflow."""

    def pause_s(self) -> float | None:
        """For how long MLflow is left alone from now on; None while it answers."""
        ...

    def tell(self) -> None:
        """Lets the others know how MLflow is, if that has changed.  Never fails."""
        ...


class MlflowHealth:
    """The breaker around MLflow; its state goes into the database, where the gateways read it."""

    def __init__(self, conditions: SqlConditions, clock: Clock) -> None:
        # One failure is enough: there is one writer, which makes one call after the other.
        self.breaker = Breaker(is_away, clock, failures=1, first_s=BACKOFF_FIRST_S, most_s=BACKOFF_MOST_S)
        self._conditions = conditions
        self._clock = clock
        self._told: Reading | None = None

    def pause_s(self) -> float | None:
        at = self.breaker.reading.next_try_at
        return None if at is None else max(0.0, (at - self._clock()).total_seconds())

    def tell(self) -> None:
        reading = self.breaker.reading
        if reading == self._told or (reading.closed and self._told and self._told.closed):
            return
        status = "ok" if reading.closed else "away"
        detail = None if reading.closed else reading.last_error
        with suppress(Unavailable, StorageFull):  # the database is away too: told at the next turn
            self._conditions.report(Condition(CURSOR, status, reading.since, detail, reading.next_try_at))
            self._told = reading

    def opened(self, settings: Settings) -> TrackingBackend:
        with guarded(self.breaker, "MLflow"):
            return GuardedTracking(_open_mlflow(settings), self.breaker)


class Bell:
    """Wakes the loop: a datagram at the process's socket, or a signal to stop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._stop_in, self._stop_out = socket.socketpair()
        self.stopped = False

    def open(self) -> None:
        self.hide()
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))
        self._path.chmod(0o600)
        self._socket.setblocking(False)

    def hide(self) -> None:
        """From here on nudges reach the one that starts this process when it is wanted, if there is one."""
        if self._socket is not None:
            self._path.unlink(missing_ok=True)
            self._socket.close()
            self._socket = None

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self.stopped = True
        self._stop_in.send(b"!")

    def wait(self, seconds: float, *, heed_nudges: bool = True) -> None:
        """Returns after that time, or at once when told to stop or, if they are heeded, when nudged."""
        nudged = self._socket if heed_nudges else None
        ready, _, _ = select.select(
            [opened for opened in (self._stop_out, nudged) if opened], [], [], seconds
        )
        if nudged is not None and nudged in ready:
            _swallow(nudged)

    def close(self) -> None:
        self.hide()
        self._stop_in.close()
        self._stop_out.close()


def _swallow(nudges: socket.socket) -> None:
    # Any number of nudges asks for one look.
    with suppress(BlockingIOError):
        while True:
            nudges.recv(16)


def run(
    drain: Drain,
    bell: Bell,
    health: Health,
    exit_when_idle_s: float | None = None,
    clock_s: Callable[[], float] = time.monotonic,
    stays: Callable[[], bool] = lambda: False,
) -> None:
    """Drains until stopped, or until there was nothing to do for `exit_when_idle_s` and nobody else needs the process."""
    failures = 0
    idle_since = clock_s()
    while not bell.stopped:
        try:
            handled = drain.once()
            health.tell()
        except (Unavailable, Internal, StorageFull) as error:
            failures += 1
            health.tell()
            left_alone_s = health.pause_s()
            backoff_s = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** min(failures - 1, 10))
            pause = backoff_s if left_alone_s is None else left_alone_s
            _log.warning(
                "MLflow or the metadata store is away; trying again", problem=str(error), again_in_s=pause
            )
            bell.wait(pause, heed_nudges=False)
            idle_since = clock_s()
            continue
        if failures:
            _log.info("writing again", after_failures=failures)
            failures = 0
        if handled:
            idle_since = clock_s()
            continue
        left = POLL_S if exit_when_idle_s is None else idle_since + exit_when_idle_s - clock_s()
        if left <= 0:
            if not stays():
                return
            idle_since = clock_s()
        bell.wait(min(POLL_S, max(left, 0.0)))


def follow(
    drain: Drain,
    bell: Bell,
    health: Health,
    exit_when_idle_s: float | None = None,
    stays: Callable[[], bool] = lambda: False,
) -> None:
    """`run`, with the bell open; a nudge in the moment of leaving is not lost."""
    while True:
        bell.open()
        run(drain, bell, health, exit_when_idle_s, stays=stays)
        bell.hide()
        # What was written before a nudge that came to the closing door is seen by this last look.
        if bell.stopped or not (drain.pending() or stays()):
            return


def main(settings: Settings, exit_when_idle_s: float | None = None) -> int:
    """The role's entry: returns the exit code."""
    configure_logging("monitor")
    database = Database(settings.database, open_herald(settings.redis_url))
    health = MlflowHealth(SqlConditions(database), steady_clock())
    drain = Drain(
        SqlEventLog(database),
        SqlRegistryStore(database),
        lambda: health.opened(settings),
        settings.objects,
        keepsakes=Keepsakes(open_object_store(settings.objects)),
    )
    bell = Bell(settings.run_dir / SOCKET_NAME)
    try:
        with _shown(settings, drain, health), _telling(settings, database), stopped_by_signals(bell):
            wait_for_schema(database)
            rolls = Rolling(SqlEventLog(database), SqlSeriesStore(database))
            with hooks.running(settings, database), rolling.running(rolls):
                follow(
                    drain, bell, health, exit_when_idle_s, lambda: hooks.wanted(database) or rolls.behind()
                )
    finally:
        bell.close()
        database.close()
    return 0


def _shown(settings: Settings, drain: Drain, health: MlflowHealth) -> AbstractContextManager[object]:
    """The role's metrics, where they are asked for."""
    if not settings.metrics.monitor:
        return nullcontext()
    from prometheus_client import Counter, Gauge

    from tensorfleet.kit.exposition import MetricsServer, new_registry

    registry = new_registry("monitor", __version__)
    written = Counter(
        "tensorfleet_tracking_written", "Log entries and changes that went to MLflow.", registry=registry
    )
    drain.written = written.inc
    away = Gauge("tensorfleet_tracking_away", "1 while MLflow does not answer.", registry=registry)
    away.set_function(lambda: float(not health.breaker.reading.closed))
    token = settings.metrics.token_or(ensure_home(settings))
    return closing(MetricsServer(registry, settings.metrics.address_of("monitor"), token))


def _telling(settings: Settings, database: Database) -> AbstractContextManager[object]:
    """Tells people, where there is anybody to be told."""
    if not settings.notify:
        return nullcontext()
    from tensorfleet.monitor.channels import send
    from tensorfleet.monitor.notifier import LEASE_S, Notifier, Reader

    store, event_log, clock = SqlRegistryStore(database), SqlEventLog(database), steady_clock()

    def name_of(job_id: str) -> str | None:
        job = store.find_job(job_id)
        return job.name if job is not None else None

    holder = f"monitor on {socket.gethostname()} {settings.home}"
    lead = SqlLeadership(database, holder, LEASE_S, "notifier")
    tell = partial(send, outgoing=settings.outgoing)
    readers = [Reader(channel, event_log, name_of, tell, clock) for channel in settings.notify]
    return Notifier(readers, lead).running()


def _open_mlflow(settings: Settings) -> TrackingBackend:
    from tensorfleet.adapters.mlflow_tracking import MlflowTracking

    try:
        return MlflowTracking(settings.mlflow, f"{settings.objects.partition('?')[0].rstrip('/')}/mlflow")
    except ImportError as error:
        raise Unavailable(
            f"MLflow cannot be imported: {error}; install it again: pip install mlflow"
        ) from error


@contextmanager
def stopped_by_signals(bell: Bell) -> Iterator[None]:
    before = {number: signal.signal(number, bell.stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
