"""The list of jobs as statements: which ones, in which order, and from where on.

Whatever is looked for beside the order is in the index of the order (`ix_jobs_created`): a search goes through that index and
reads the rows of the jobs alone that are shown.  A plain condition on the status or the workspace would have SQLite take their
indexes, which are narrower, and then read the row of each job that it has ever seen.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from tensorfleet.adapters.schema import jobs, trials
from tensorfleet.errors import InvalidInput
from tensorfleet.jobs.model import JobStatus
from tensorfleet.jobs.ports import JobFilter
from tensorfleet.kit.clock import parse_rfc3339
from tensorfleet.kit.paging import decode_cursor

_STATUS = jobs.c.status.concat("")
"""By no index of its own."""
_SORTS = {
    "created_at": jobs.c.created_at,
    "name": jobs.c.name,
    "status": _STATUS,
    "priority": jobs.c.priority,
}
_ENDED = [status.value for status in JobStatus if status.ended]


def page_query(filters: JobFilter, cursor: str | None, sort: str) -> Select[Any]:
    """The ids of the jobs in their order, from the cursor on.

    Raises:
        InvalidInput: of the order or the cursor.
    """
    column, descending = sort_column(sort)
    listed = sort.endswith("created_at") and not filters.searching
    query = _filtered(select(jobs.c.id), filters, listed=listed)
    if cursor is not None:
        key, last = tuple_(column, jobs.c.id), _position(cursor, sort)
        query = query.where(key < last if descending else key > last)
    return query.order_by(*((column.desc(), jobs.c.id.desc()) if descending else (column, jobs.c.id)))


def counts_query(filters: JobFilter) -> Select[Any]:
    """How many there are of each status; of all jobs the index of the queue says it."""
    status = (jobs.c.status if filters == JobFilter() else _STATUS).label("counted")
    return _filtered(select(status, func.count()), filters, listed=False).group_by("counted")


def _filtered(query: Select[Any], filters: JobFilter, *, listed: bool) -> Select[Any]:
    """`listed`: in the order of the list, and with nothing else that is looked for."""
    for column in ("name", "kind", "algorithm"):
        value = getattr(filters, column)
        if value is not None:
            query = query.where(jobs.c[column] == value)
    if filters.status:
        query = query.where(_in_status(filters.status))
    workspaces = [
        given
        for given in ((filters.workspace,) if filters.workspace else None, filters.within)
        if given is not None
    ]
    for names in workspaces:
        query = query.where(_in_workspaces(names, listed=listed))
    if filters.text:
        named = jobs.c.name.icontains(filters.text, autoescape=True)
        query = query.where(named | jobs.c.id.startswith(filters.text.lower(), autoescape=True))
    if filters.since is not None:
        query = query.where(jobs.c.created_at >= filters.since)
    if filters.until is not None:
        query = query.where(jobs.c.created_at < filters.until)
    if filters.ended is not None:
        query = query.where(jobs.c.status.in_(_ENDED) if filters.ended else ~jobs.c.status.in_(_ENDED))
    if filters.study is not None:
        query = query.where(jobs.c.id.in_(select(trials.c.job_id).where(trials.c.study_id == filters.study)))
    return query


def _in_status(names: Collection[str]) -> ColumnElement[bool]:
    """Few jobs have not ended, and the index of the queue has them; of those that have, it would read nearly all."""
    return (_STATUS if set(names) & set(_ENDED) else jobs.c.status).in_(names)


def _in_workspaces(names: Collection[str], *, listed: bool) -> ColumnElement[bool]:
    """Of one, its index has the jobs in the order of the list."""
    if len(names) == 1 and listed:
        return jobs.c.workspace == next(iter(names))
    return jobs.c.workspace.concat("").in_(names)


def sort_column(sort: str) -> tuple[Any, bool]:
    """What is sorted by, and whether downwards.

    Raises:
        InvalidInput: there is no such field.
    """
    column = _SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise InvalidInput(
            f"sort: '{sort[:40]}' is not a field to sort by; use one of {', '.join(_SORTS)}, with - in front for descending"
        )
    return column, sort.startswith("-")


def _position(cursor: str, sort: str) -> tuple[Any, str]:
    """Where the last page ended.

    Raises:
        InvalidInput: the cursor was made up, or belongs to a list in another order.
    """
    order, value, job_id = decode_cursor(cursor, 3)
    name = sort.removeprefix("-")
    expected = int if name == "priority" else str
    if order != sort or type(value) is not expected or not isinstance(job_id, str):
        raise InvalidInput(
            f"cursor '{cursor[:40]}' does not belong to this list; take next_cursor from its last page"
        )
    if name != "created_at":
        return value, job_id
    try:
        return parse_rfc3339(str(value)), job_id
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"cursor '{cursor[:40]}' has no instant in it; take next_cursor from the last page"
        ) from error
