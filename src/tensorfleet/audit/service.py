"""What can be asked of the audit log, and what it needs from time to time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from tensorfleet.access.current import require, visible_of
from tensorfleet.access.model import Permission
from tensorfleet.audit.model import Anchor, Entry, Keys, Verdict, anchor_of, is_genuine, verify
from tensorfleet.audit.personal import Veil
from tensorfleet.audit.ports import Anchors, AuditFilter, AuditStore
from tensorfleet.audit.schemas import entry_to_dict
from tensorfleet.errors import InvalidInput
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.paging import decode_cursor, encode_cursor

ANCHOR_EVERY = timedelta(seconds=30)
RETENTION_EVERY = timedelta(hours=1)
_TRIES = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
log = structlog.get_logger()


def to_us(instant: datetime) -> int:
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _place_of(cursor: str) -> int:
    (place,) = decode_cursor(cursor, 1)
    if not isinstance(place, int) or not 0 < place < 2**62:
        raise InvalidInput(
            f"cursor '{cursor[:40]}' does not belong to this list; take next_cursor from its last page"
        )
    return place


class AuditLog:
    """Reads, for whoever may: administrators of the platform everything, those of a workspace what happened there."""

    def __init__(
        self, store: AuditStore, anchors: Anchors, keys: Keys, clock: Clock, veil: Veil | None = None
    ) -> None:
        """`veil` reveals what is of a person to those who read; verification needs none of it."""
        self._veil = veil
        self._store = store
        self._anchors = anchors
        self._keys = keys
        self._clock = clock

    def page(
        self, wanted: AuditFilter, workspace: str | None, limit: int, cursor: str | None
    ) -> tuple[list[Entry], str | None]:
        """The newest entries first, and the cursor of the next page.

        Raises:
            NotPermitted, NotFound: the caller may not read the log, or not that of this workspace.
        """
        below = _place_of(cursor) if cursor is not None else None
        found = self._store.page(self._visible(wanted, workspace), limit + 1, below)
        following = encode_cursor([found[limit - 1].seq]) if len(found) > limit else None
        return self._revealed(found[:limit]), following

    def export(self, wanted: AuditFilter, workspace: str | None) -> Iterator[bytes]:
        """Every entry as a line of JSON, in the chain's order.  Raises as `page`, before the first line is asked for."""
        visible = self._visible(wanted, workspace)
        return (
            (json.dumps(entry_to_dict(entry)) + "\n").encode()
            for stored in self._store.walk(visible)
            for entry in self._revealed([stored])
        )

    def verify(self) -> Verdict:
        """Goes through the whole log; a good one gets an anchor at its end.

        Raises:
            NotPermitted: the caller may not read the whole log.
        """
        require(Permission.AUDIT_READ)
        return self.examine()

    def examine(self) -> Verdict:
        """As `verify`, without asking who calls: for the platform itself, and who has its home."""
        for _ in range(_TRIES):
            anchors = self._anchors.all()
            claimed = self._store.checkpoint()
            verdict = verify(self._store.walk(), self._keys, anchors, claimed)
            if verdict.ok or self._store.checkpoint() == claimed:
                break  # else a part was dropped in the meantime
        if verdict.ok and verdict.last is not None and verdict.last.seq != verdict.anchored:
            self._anchors.put(anchor_of(verdict.last, to_us(self._clock()), self._keys))
        return verdict

    def _visible(self, wanted: AuditFilter, workspace: str | None) -> AuditFilter:
        visible = visible_of(Permission.AUDIT_READ, workspace)
        if visible == ():
            require(Permission.AUDIT_READ)
        return replace(
            wanted,
            actor=self._person(wanted.actor) or wanted.actor,
            subject=self._person(wanted.target),
            workspaces=visible,
        )

    def _person(self, name: str | None) -> str | None:
        """Names are sealed; who is asked for by one is looked for by id."""
        return self._veil.person_of(name) if self._veil is not None and name is not None else None

    def _revealed(self, entries: list[Entry]) -> list[Entry]:
        if self._veil is None:
            return entries
        drafts = self._veil.revealed([entry.draft for entry in entries])
        return [replace(entry, draft=draft) for entry, draft in zip(entries, drafts, strict=True)]


class Upkeep:
    """Sets anchors, and drops what is older than it has to be.  For one thread."""

    def __init__(
        self,
        log_: AuditLog,
        store: AuditStore,
        anchors: Anchors,
        keys: Keys,
        clock: Clock,
        retention_days: int | None,
    ) -> None:
        self._log = log_
        self._store = store
        self._anchors = anchors
        self._keys = keys
        self._clock = clock
        self._kept = timedelta(days=retention_days) if retention_days is not None else None
        self._anchored: int | None = None
        self._next_anchor = self._next_drop = clock()

    def __call__(self, last: Entry | None) -> None:
        now = self._clock()
        if now >= self._next_drop:
            self._next_drop = now + RETENTION_EVERY
            self.drop(now)
        if last is not None and last.seq != self._anchored and now >= self._next_anchor:
            self._next_anchor = now + ANCHOR_EVERY
            self.anchor(last)

    def anchor(self, last: Entry) -> None:
        """Sets an anchor at an entry, unless the newest one tells that the log was cut: then it stays as the proof."""
        known = [anchor for anchor in self._anchors.all() if is_genuine(anchor, self._keys)]
        newest = max(known, key=lambda anchor: anchor.seq, default=None)
        if newest is not None and not self._holds(newest):
            log.error(
                "entries of the audit log are gone; run `tensorfleet audit verify`", anchored=newest.seq
            )
        elif newest is None or newest.seq < last.seq:
            self._anchors.put(anchor_of(last, to_us(self._clock()), self._keys))
        self._anchored = last.seq

    def _holds(self, anchor: Anchor) -> bool:
        """Whether the log still has the entry; one that was dropped with all before it counts as there."""
        found = self._store.page(AuditFilter(), 1, anchor.seq + 1)
        if found and found[0].seq == anchor.seq:
            return found[0].hash == anchor.hash
        return not found

    def drop(self, now: datetime) -> None:
        """Drops what is old, of a log that is whole."""
        if self._kept is None or not self._is_old(now - self._kept):
            return
        verdict = self._log.examine()
        if verdict.problem is not None:
            log.error("the audit log is not as it was written; nothing is dropped", entry=verdict.problem.seq)
            return
        while self._store.drop_before(to_us(now - self._kept), to_us(now), self._keys):
            pass

    def _is_old(self, instant: datetime) -> bool:
        first = next(iter(self._store.walk(AuditFilter(end=to_us(instant)))), None)
        return first is not None
