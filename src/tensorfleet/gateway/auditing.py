"""Every call that changes something or hands out data, taken down for the audit log.

Two pieces of plain ASGI: `inside` stands behind the door, where it is known who calls; `at_the_door`, in front of it, sees those
that did not get in.  A change is taken down before it is made, and its answer waits until that is on the disk; the call itself
goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tensorfleet.access.current import caller
from tensorfleet.audit.actions import Call, name_call
from tensorfleet.audit.anchors import ObjectAnchors
from tensorfleet.audit.current import Notes, noting
from tensorfleet.audit.journal import Journal, Taken
from tensorfleet.audit.model import Draft, Entry, change_of, derive_keys
from tensorfleet.audit.personal import Veil
from tensorfleet.audit.repeats import Repeats
from tensorfleet.audit.service import AuditLog, Upkeep, to_us
from tensorfleet.audit.spool import Spool
from tensorfleet.audit.store import SqlAuditStore
from tensorfleet.composition import Services
from tensorfleet.errors import TensorFleetError, Unavailable
from tensorfleet.gateway.auth import CALLER
from tensorfleet.gateway.problems import from_error
from tensorfleet.kit import tracing
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.ids import new_id

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
SPOOL_FOLDER = "audit"
_PASSED = "tensorfleet.passed_the_door"
_DENIED = Call("access.denied", None, None, folded=True, is_read=True)
"""A call that is not recorded unless it is refused."""
_JOB_ID = re.compile(r"\bj-[0-9a-z]{16}\b")
_OF_JOBS = ("job", "job_file", "object")


@dataclass
class _Passed:
    """Lies in the scope, which an inner application may copy."""

    value: bool = False


class Auditing:
    """Takes down calls.  Thread-safe."""

    def __init__(
        self,
        journal: Journal,
        workspace_of: Callable[[str], str | None],
        *,
        reads: bool,
        clock: Clock = utc_now,
    ) -> None:
        """`workspace_of` says in which workspace a job is; it may block."""
        self._journal = journal
        self.workspace_of = workspace_of
        self._reads = reads
        self._clock = clock
        self._lock = threading.Lock()
        self._repeats = Repeats()

    def at_the_door(self, app: Asgi) -> Asgi:
        """The same application; whoever does not get to `inside` is told of."""

        async def answered(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            passed = scope[_PASSED] = _Passed()

            async def noted(message: Any) -> None:
                if message["type"] == "http.response.start" and not passed.value and message["status"] >= 400:
                    call = name_call(scope["method"], scope["path"]) or _DENIED
                    self.finish(None, replace(self.draft(scope, call), outcome=message["status"]), call)
                await send(message)

            await app(scope, receive, noted)

        return answered

    def inside(self, app: Asgi) -> Asgi:
        """The same application; what it does for those who got in is told of."""

        async def answered(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            scope.get(_PASSED, _Passed()).value = True
            call = name_call(scope["method"], scope["path"])
            if call is None or (call.is_read and not self._reads):
                call = _DENIED
            with noting() as notes:
                try:
                    telling = _Telling(self, self._journal, scope, call, notes)
                except Unavailable as error:
                    await from_error(error)(scope, receive, send)
                    return
                try:
                    await app(scope, receive, telling.around(send))
                finally:
                    telling.end()

        return answered

    def draft(self, scope: Any, call: Call) -> Draft:
        who = scope.get(CALLER) or caller.get()
        headers = dict(scope["headers"])
        sent = headers.get(b"traceparent", b"").decode("ascii", "replace")
        client = scope.get("client")
        return Draft(
            id=new_id("a"),
            at=to_us(self._clock()),
            action=call.action,
            actor_id=who.id if who else None,
            actor_name=who.name if who else None,
            via=who.via if who else None,
            credential=who.credential if who else None,
            source=str(client[0]) if client else None,
            target_kind=call.kind,
            target=call.target,
            trace_id=tracing.ids_of(tracing.current.get() or sent).get("trace_id"),
        )

    def finish(self, taken: Taken | None, draft: Draft, call: Call) -> None:
        """Takes down what a call came to, or counts it as one more of its kind."""
        refused = draft.outcome is not None and 400 <= draft.outcome < 500
        if call == _DENIED and draft.outcome not in (401, 403, 429):
            return
        if not (refused or call.folded) or self._is_first(draft, refused=refused):
            if taken is not None:
                self._journal.end(taken, draft)
            else:
                self._journal.add(draft)
        elif taken is not None:
            self._journal.drop(taken)

    def _is_first(self, draft: Draft, *, refused: bool) -> bool:
        kind = (draft.action, draft.source, draft.actor_id, draft.credential, draft.outcome)
        with self._lock:
            if refused:  # of refusals the targets are not told apart: they could be made up without an end
                return self._repeats.is_first(kind, draft, replace(draft, target=None))
            return self._repeats.is_first((*kind, draft.target), draft)

    def tell_repeats(self, now: int | None = None) -> None:
        """Takes down what was counted for long enough; all of it at the end."""
        with self._lock:
            due = self._repeats.due(now)
        for draft in due:
            self._journal.add(draft)


class _Telling:
    """One call, from its begin to its answer."""

    def __init__(self, auditing: Auditing, journal: Journal, scope: Any, call: Call, notes: Notes) -> None:
        self._auditing = auditing
        self._call = call
        self._notes = notes
        self._draft = auditing.draft(scope, call)
        self._taken = None if call.is_read or call.folded else journal.begin(self._draft)
        self._written: asyncio.Future[None] | None = None
        if self._taken is not None:
            self._written = asyncio.get_running_loop().run_in_executor(None, journal.sync, self._taken)
        self._told = False

    def around(self, send: Any) -> Any:
        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start" and not self._told:
                if self._notes.workspace is None:
                    self._notes.workspace = await self._workspace()
                self._tell(message["status"])
                if self._written is not None:
                    await self._written
            await send(message)

        return noted

    async def _workspace(self) -> str | None:
        """Of the job that the call is about, if it is about one."""
        kind, target = self._notes.target or (self._draft.target_kind, self._draft.target)
        found = _JOB_ID.search(target) if kind in _OF_JOBS and target is not None else None
        with suppress(TensorFleetError):  # the store is away: then nothing was changed there either
            return await asyncio.to_thread(self._auditing.workspace_of, found[0]) if found else None
        return None

    def end(self) -> None:
        """Tells of a change whose answer never came to be."""
        if not self._told and self._taken is not None:
            self._tell(None)

    def _tell(self, status: int | None) -> None:
        self._told = True
        notes, draft = self._notes, self._draft
        kind, target = notes.target or (draft.target_kind, draft.target)
        actor_id, actor_name = notes.actor or (draft.actor_id, draft.actor_name)
        draft = replace(
            draft,
            outcome=status,
            actor_id=actor_id,
            actor_name=actor_name,
            target_kind=kind,
            target=target,
            workspace=notes.workspace,
            before=change_of(notes.before),
            after=change_of(notes.after),
        )
        self._auditing.finish(self._taken, draft, self._call)


@dataclass(frozen=True)
class Audit:
    """All of the audit log in a gateway."""

    calls: Auditing
    log: AuditLog
    journal: Journal
    upkeep: Upkeep

    def start(self) -> None:
        self.journal.start()

    def close(self) -> None:
        """Appends what there is, and sets a last anchor."""
        self.calls.tell_repeats()
        self.journal.close()
        if self.journal.last is not None:
            with suppress(TensorFleetError):
                self.upkeep.anchor(self.journal.last)


def build_audit(
    services: Services, token: str, workspace_of: Callable[[str], str | None], veil: Veil
) -> Audit:
    """The audit log over the gateway's services.  Nothing is appended before `start`."""
    settings = services.settings
    store, anchors, keys = (
        SqlAuditStore(services.database, veil.hidden),
        ObjectAnchors(services.objects),
        derive_keys(token),
    )
    log = AuditLog(store, anchors, keys, utc_now, veil)
    upkeep = Upkeep(log, store, anchors, keys, utc_now, settings.audit.retention_days)

    def tick(last: Entry | None) -> None:
        calls.tell_repeats(to_us(utc_now()))
        upkeep(last)

    journal = Journal(store, Spool(settings.home / SPOOL_FOLDER), keys, tick)
    calls = Auditing(journal, workspace_of, reads=settings.audit.reads)
    return Audit(calls, log, journal, upkeep)
