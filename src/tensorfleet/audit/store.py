"""The chain in SQL: rows are added behind, and dropped in front; there is no statement that changes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import audit
from tensorfleet.audit.model import DROPPED, Checkpoint, Draft, Entry, Keys, change_of, checkpoint_of, link
from tensorfleet.audit.ports import AuditFilter
from tensorfleet.kit.ids import new_id

PAGE = 2000
MOST_DROPPED = 20_000
_FIELDS = tuple(field.name for field in fields(Draft))


class SqlAuditStore:
    def __init__(self, database: Database, hide: Callable[[Draft], Draft] = lambda draft: draft) -> None:
        """`hide` seals what is of a person."""
        self._database = database
        self._hide = hide

    def append(self, drafts: Sequence[Draft], keys: Keys) -> Entry | None:
        drafts = [self._hide(draft) for draft in drafts]
        with self._database.begin() as connection:
            self._database.lock_audit(connection)
            return _append(connection, drafts, keys)

    def page(self, wanted: AuditFilter, limit: int, below: int | None) -> list[Entry]:
        query = _where(select(audit), wanted)
        if below is not None:
            query = query.where(audit.c.seq < below)
        with self._database.read() as connection:
            return [
                _entry(row) for row in connection.execute(query.order_by(audit.c.seq.desc()).limit(limit))
            ]

    def walk(self, wanted: AuditFilter = AuditFilter()) -> Iterator[Entry]:  # noqa: B008 - frozen
        with self._database.read() as connection:
            end = connection.execute(select(func.max(audit.c.seq))).scalar()
        query = _where(select(audit), wanted).order_by(audit.c.seq).limit(PAGE)
        after: Any = None
        while end is not None:
            following = query.where(audit.c.seq <= end)
            if after is not None:
                following = following.where(audit.c.seq > after)
            with self._database.read() as connection:
                page = [_entry(row) for row in connection.execute(following)]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].seq

    def checkpoint(self) -> Checkpoint | None:
        query = select(audit).where(audit.c.action == DROPPED).order_by(audit.c.seq.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return checkpoint_of(_entry(row)) if row is not None else None

    def drop_before(self, instant: int, at: int, keys: Keys) -> int:
        with self._database.begin() as connection:
            self._database.lock_audit(connection)
            first, last = connection.execute(select(func.min(audit.c.seq), func.max(audit.c.seq))).one()
            if first is None:
                return 0
            young = select(func.min(audit.c.seq)).where(audit.c.at >= instant)
            kept = connection.execute(young).scalar() or last
            through = min(kept - 1, first + MOST_DROPPED - 1)
            if through < first:
                return 0
            query = select(audit.c.hash).where(audit.c.seq == through)
            said = {"through": through, "last": connection.execute(query).scalar_one(), "first": first}
            told = Draft(new_id("a"), at, DROPPED, target_kind="audit", outcome=200, after=change_of(said))
            _append(connection, [told], keys)
            connection.execute(delete(audit).where(audit.c.seq <= through))
            return int(through - first + 1)


def _append(connection: Connection, drafts: Sequence[Draft], keys: Keys) -> Entry | None:
    row = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    last = _entry(row) if row is not None else None
    query = select(audit.c.id).where(audit.c.id.in_([draft.id for draft in drafts]))
    known = set(connection.execute(query).scalars()) if drafts else set()
    rows = []
    for draft in drafts:
        if draft.id not in known:
            known.add(draft.id)
            last = link(last, draft, keys)
            rows.append({"seq": last.seq, "hash": last.hash, **asdict(draft)})
    if rows:
        connection.execute(insert(audit), rows)
    return last


def _where(query: Select[Any], wanted: AuditFilter) -> Select[Any]:
    if wanted.actor is not None:
        query = query.where(or_(audit.c.actor_id == wanted.actor, audit.c.actor_name == wanted.actor))
    if wanted.action is not None:  # `jobs` stands for all of `jobs.*`
        below = audit.c.action.startswith(f"{wanted.action}.", autoescape=True)
        query = query.where(or_(audit.c.action == wanted.action, below))
    if wanted.target is not None:
        about = audit.c.target == wanted.target
        if wanted.subject is not None:
            about = or_(about, audit.c.subject == wanted.subject)
        query = query.where(about)
    if wanted.workspaces is not None:
        query = query.where(audit.c.workspace.in_(wanted.workspaces))
    if wanted.begin is not None:
        query = query.where(audit.c.at >= wanted.begin)
    if wanted.end is not None:
        query = query.where(audit.c.at < wanted.end)
    return query


def _entry(row: Row[Any]) -> Entry:
    values = row._mapping
    return Entry(values["seq"], Draft(**{name: values[name] for name in _FIELDS}), values["hash"])
