"""One step of the writer: what came after the cursor goes to MLflow, then the cursor moves.

At least once: a crash between the two repeats the step, and each write is idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import structlog

from tensorfleet.errors import Internal, InvalidInput, StorageFull, Unavailable
from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.monitor import story
from tensorfleet.monitor.keepsakes import Keepsakes
from tensorfleet.registry.candidates import candidate_of_job
from tensorfleet.registry.model import Candidate, Intent, IntentKind, ModelFile, Point, RunStatus
from tensorfleet.registry.ports import TrackingBackend, TrackingStore

CURSOR = "mlflow"
BATCH_EVENTS = 1000
_BATCH_INTENTS = 100
_MOST_TRIES = 5
_MOST_POINTS = 5000  # held in memory for a run before they are written
_CURSOR_LAG = 1000  # events of no use to tracking after which the cursor is saved all the same

_log = structlog.get_logger(__name__)


class EventLog(Protocol):
    def read_after(
        self, position: int, limit: int = 500, job_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> list[Event]: ...
    def last_id(self) -> int: ...
    def cursor(self, name: str) -> int: ...
    def save_cursor(self, name: str, position: int) -> None: ...


class Drain:
    """Follows the log for one backend, which is opened when there is first something to write."""

    def __init__(
        self,
        log: EventLog,
        store: TrackingStore,
        open_backend: Callable[[], TrackingBackend],
        objects_url: str,
        clock: Clock = utc_now,
        keepsakes: Keepsakes | None = None,
    ) -> None:
        self._log = log
        self._store = store
        self._open_backend = open_backend
        self._objects_url = objects_url
        self._clock = clock
        self._keepsakes = keepsakes
        self._backend: TrackingBackend | None = None
        self._position: int | None = None
        self._saved = 0
        self._synced = False
        self._runs: dict[str, str] = {}
        self._points: dict[str, list[Point]] = {}
        self._tries: dict[str, int] = {}
        self.written: Callable[[int], object] = lambda count: None
        """Told how many items each batch had, once it is written."""

    def once(self) -> int:
        """Handles one batch of events and of intents; returns how many there were.

        Raises:
            Unavailable, Internal: nothing is lost; the same batch comes again at the next call.
        """
        position = self._resume()
        # Read before the events: what is appended in between is then still ahead of the cursor.
        tail = self._log.last_id()
        events = self._log.read_after(position, BATCH_EVENTS, kinds=story.WATCHED)
        intents = self._store.open_intents(_BATCH_INTENTS)
        if events or intents:
            self._write(events, intents)
            self.written(len(events) + len(intents))
        full = len(events) == BATCH_EVENTS
        self._advance(events[-1].id if full else max(tail, events[-1].id if events else 0), save=bool(events))
        return len(events) + len(intents)

    def pending(self) -> bool:
        """Whether there is something to write."""
        new = self._log.read_after(self._resume(), 1, kinds=story.WATCHED)
        return bool(new) or bool(self._store.open_intents(1))

    def _resume(self) -> int:
        if self._position is None:
            self._position = self._saved = self._log.cursor(CURSOR)
        return self._position

    def _write(self, events: Sequence[Event], intents: Sequence[Intent]) -> None:
        if self._backend is None:
            self._backend = self._open_backend()
        backend = self._backend
        backend.ping()
        self._points.clear()
        for event in events:
            about = {"event_id": event.id, "kind": event.kind}
            self._attempt(f"event {event.id}", event.job_id, about, partial(self._take, backend, event))
        for job_id in list(self._points):
            self._flush(backend, job_id)
        for intent in intents:
            self._carry_out(backend, intent)
        if not self._synced:
            self._store.sync(list(backend.versions()))
            self._synced = True

    def _advance(self, position: int, *, save: bool) -> None:
        self._position = max(self._position or 0, position)
        if self._position > self._saved and (save or self._position - self._saved >= _CURSOR_LAG):
            self._log.save_cursor(CURSOR, self._position)
            self._saved = self._position

    def _attempt(
        self, key: str, job_id: str | None, about: dict[str, Any], action: Callable[[], None]
    ) -> str | None:
        """Runs the action; an item that can never be written is recorded and passed over: says why."""
        try:
            action()
        except (Unavailable, StorageFull):
            raise
        except InvalidInput as error:
            problem = str(error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"it is malformed: {error!r}"
        except Exception as error:
            # Whatever it is, it must not hold up all that comes after it for ever.
            self._tries[key] = self._tries.get(key, 0) + 1
            problem = str(error) or repr(error)
            if self._tries[key] < _MOST_TRIES:
                raise Internal(f"{key} could not be written: {problem}") from error
        else:
            self._tries.pop(key, None)
            return None
        self._tries.pop(key, None)
        _log.warning("not written to MLflow", job_id=job_id, problem=problem, **about)
        self._store.record_skip(job_id, {**about, "problem": problem[:1000]}, self._clock())
        return problem

    def _take(self, backend: TrackingBackend, event: Event) -> None:
        job_id = event.job_id
        if job_id is None:
            return
        if event.kind == "metrics":
            waiting = self._points.setdefault(job_id, [])
            waiting.extend(story.points_of(event))
            if len(waiting) >= _MOST_POINTS:
                self._flush(backend, job_id)
            return
        self._flush(backend, job_id)
        run_id = self._run(backend, event, refresh=event.kind == "job.started")
        if run_id is None:
            return
        if event.kind == "job.started":
            backend.set_status(run_id, RunStatus.RUNNING)
        elif event.kind in story.WAITS:
            backend.set_status(run_id, RunStatus.SCHEDULED)
        else:
            self._end(backend, event, run_id)

    def _end(self, backend: TrackingBackend, event: Event, run_id: str) -> None:
        job = self._store.find_job(event.job_id or "")
        if job is None:
            return
        tags = {"tensorfleet.attempt": str(job.attempt)}
        if event.data.get("reason"):
            tags["tensorfleet.reason"] = str(event.data["reason"])
        status = story.ENDS[event.kind]
        backend.end_run(run_id, status, event.at, story.final_metrics(job), tags)
        self._runs.pop(job.id, None)
        candidate = (
            candidate_of_job(replace(job, run_id=run_id), self._objects_url)
            if status is RunStatus.FINISHED
            else None
        )
        if candidate is not None:
            version, created_at = backend.register(candidate)
            self._store.record_version(
                candidate.to_version(version, created_at), self._clock(), tell_job=True
            )
            for alias in story.aliases_of(job):
                self._store.set_alias(candidate.name, alias, version, self._clock())
        if self._keepsakes is not None and status is RunStatus.FINISHED:
            self._keepsakes.leave(backend, job, run_id, registered=candidate is not None)

    def _run(self, backend: TrackingBackend, event: Event, *, refresh: bool = False) -> str | None:
        """The run of the event's job, or None when the job was deleted meanwhile."""
        job_id = event.job_id or ""
        if job_id in self._runs and not refresh:
            return self._runs[job_id]
        job = self._store.find_job(job_id)
        if job is None:
            return None
        run_id = backend.open_run(story.run_of(job, event.at))
        if run_id != job.run_id:
            self._store.record_run(job_id, run_id)
        self._runs[job_id] = run_id
        return run_id

    def _flush(self, backend: TrackingBackend, job_id: str) -> None:
        points = self._points.pop(job_id, None)
        if not points:
            return

        def write() -> None:
            first = Event(0, job_id, "metrics", self._clock(), {})
            run_id = self._run(backend, first)
            if run_id is not None:
                backend.log_points(run_id, points)

        self._attempt(f"metrics {job_id}", job_id, {"kind": "metrics", "points": len(points)}, write)

    def _carry_out(self, backend: TrackingBackend, intent: Intent) -> None:
        result: dict[str, Any] = {}

        def act() -> None:
            if intent.kind == IntentKind.REGISTER:
                candidate = _candidate(intent.data)
                version, created_at = backend.register(candidate)
                self._store.record_version(
                    candidate.to_version(version, created_at), self._clock(), tell_job=False
                )
                result["version"] = version
            else:
                backend.set_alias(intent.data["name"], intent.data["alias"], intent.data["version"])

        problem = self._attempt(
            f"intent {intent.id}", None, {"intent_id": intent.id, "kind": intent.kind}, act
        )
        self._store.close_intent(intent.id, {"error": problem} if problem else result, self._clock())


def _candidate(data: dict[str, Any]) -> Candidate:
    return Candidate(**{**data, "files": tuple(ModelFile(**file) for file in data["files"])})
