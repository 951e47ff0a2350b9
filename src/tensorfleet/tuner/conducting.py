"""All studies that run: hands each what happened to its trials, carries out what people ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from tensorfleet.errors import LostLead, NotFound, StorageFull, TensorFleetError, Unavailable
from tensorfleet.jobs.model import Event, JobRecord, JobStatus, NewEvent
from tensorfleet.kit.clock import Clock
from tensorfleet.tuning.model import JOB_ENDS
from tensorfleet.tuning.ports import Intent, TrialStore

if TYPE_CHECKING:
    from tensorfleet.tuner.conductor import Conductor

WATCHED = ("metrics", *JOB_ENDS)
BATCH = 1000
QUIET_S = 0.5
"""How often it looks at everything although the log says nothing new: for studies whose time is over."""
VERBS = ("cancel", "pause", "resume")

_log = structlog.get_logger(__name__)


class EventLog(Protocol):
    def read_after(
        self, position: int, limit: int = 500, job_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> list[Event]: ...
    def last_id(self) -> int: ...


class Conducting:
    """Call `once` again and again; it returns how many studies run.

    Args:
        find: the study's row as a job.
        build: a conductor for it.
    """

    def __init__(
        self,
        log: EventLog,
        store: TrialStore,
        find: Callable[[str], JobRecord],
        build: Callable[[JobRecord], Conductor],
        clock: Clock,
    ) -> None:
        self._log = log
        self._store = store
        self._find = find
        self._build = build
        self._clock = clock
        self._conductors: dict[str, Conductor] = {}
        self._position = 0
        self._look_at: datetime | None = None

    def pending(self) -> bool:
        """Whether there is anything to conduct; nothing is changed."""
        return bool(self._store.active() or self._store.open_intents())

    def once(self) -> int:
        """Handles what has happened since the last call.

        Raises:
            Unavailable, StorageFull: nothing is lost; the next call begins with what the database says.
            LostLead: another tuner works.
        """
        try:
            return self._once()
        except (Unavailable, StorageFull):
            self.forget()
            raise

    def forget(self) -> None:
        """What is in memory may be ahead of what was written, or behind what another tuner wrote."""
        self._conductors.clear()
        self._look_at = None

    def _once(self) -> int:
        tail = self._log.last_id()
        now = self._clock()
        # Whatever anybody asks for, and whatever happens to a job, grows the log.
        if tail == self._position and self._look_at is not None and now < self._look_at:
            return self.running()
        self._look_at = now + timedelta(seconds=QUIET_S)
        if not self._conductors:
            self._position = tail
        elif tail > self._position:
            self._hand_out(tail)
        self._take_up()
        for intent in self._store.open_intents():
            self._carry_out(intent)
        for conductor in list(self._conductors.values()):
            self._guarded(conductor, conductor.advance)
        self._conductors = {key: one for key, one in self._conductors.items() if not one.status.ended}
        return self.running()

    def running(self) -> int:
        """How many studies run; may be asked from another thread."""
        return sum(one.status is JobStatus.RUNNING for one in list(self._conductors.values()))

    def _hand_out(self, tail: int) -> None:
        events = self._log.read_after(self._position, BATCH, kinds=WATCHED)
        for conductor in list(self._conductors.values()):
            mine = [event for event in events if conductor.knows(event.job_id)]
            if mine:
                self._guarded(conductor, lambda: conductor.take(mine))  # noqa: B023 - called at once
        self._position = events[-1].id if len(events) == BATCH else max(tail, events[-1].id if events else 0)

    def _take_up(self) -> None:
        """Studies that are new, or that an earlier life left."""
        for study_id in self._store.active():
            if study_id in self._conductors:
                continue
            try:
                conductor = self._build(self._find(study_id))
            except NotFound:
                continue
            except (Unavailable, StorageFull):
                raise
            except Exception as error:
                self._give_up(study_id, f"the study cannot be read: {error}"[:1000])
                continue
            self._conductors[study_id] = conductor
            self._guarded(conductor, conductor.load)

    def _carry_out(self, intent: Intent) -> None:
        conductor = self._conductors.get(intent.study_id)
        if intent.kind == "retry":
            self._retry(intent)
        elif conductor is not None and intent.kind in VERBS:
            self._guarded(conductor, getattr(conductor, intent.kind))
        self._store.close_intent(intent.id, self._clock())

    def _retry(self, intent: Intent) -> None:
        """The study has no conductor, as it has ended; when it runs again the next look takes it up."""
        try:
            conductor = self._build(self._find(intent.study_id))
        except NotFound:
            return
        except (Unavailable, StorageFull):
            raise
        except Exception:
            _log.exception("a study cannot be read", study=intent.study_id)
            return
        self._guarded(conductor, lambda: conductor.retry(intent.data.get("trials")))

    def _guarded(self, conductor: Conductor, act: Callable[[], None]) -> None:
        """One study's trouble is not the others'."""
        try:
            act()
        except (Unavailable, StorageFull, LostLead):
            raise
        except Exception as error:
            _log.exception("a study failed", study=conductor.study.id)
            detail = error.detail if isinstance(error, TensorFleetError) else repr(error)
            self._give_up(conductor.study.id, f"the sampler or the tuner failed: {detail}"[:1000])
            self._conductors.pop(conductor.study.id, None)

    def _give_up(self, study_id: str, reason: str) -> None:
        now = self._clock()
        event = NewEvent("job.failed", now, {"attempt": 1, "reason": reason, "class": "internal"}, study_id)
        self._store.set_status(study_id, JobStatus.FAILED, now, [event], reason)
