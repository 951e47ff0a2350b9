"""Who is next: by priority, then by fair share between workspaces, then by arrival."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from operator import attrgetter

from tensorfleet.scheduling.model import Snapshot, WaitingJob
from tensorfleet.scheduling.shares import Shares

_arrival = attrgetter("queued_at", "id")
_Key = tuple[bool, float, datetime, str]


def in_order(snapshot: Snapshot, shares: Shares) -> Iterator[WaitingJob]:
    """The waiting jobs as they are served.  `shares` may change on the way: what is placed counts at once."""
    starved_at = snapshot.now - timedelta(seconds=snapshot.starve_after_s)
    levels: dict[int, dict[str, list[WaitingJob]]] = {}
    for job in snapshot.queue:
        levels.setdefault(job.priority, {}).setdefault(job.workspace, []).append(job)
    for priority in sorted(levels):
        lines = levels[priority]
        for line in lines.values():
            line.sort(key=_arrival, reverse=True)
        if len(lines) == 1:
            yield from reversed(next(iter(lines.values())))
        else:
            yield from _by_share(lines, shares, starved_at)


def _by_share(
    lines: dict[str, list[WaitingJob]], shares: Shares, starved_at: datetime
) -> Iterator[WaitingJob]:
    """`lines`: each workspace's jobs, the oldest last."""

    known: dict[str, tuple[int, float]] = {}

    def key(workspace: str) -> _Key:
        job = lines[workspace][-1]
        if job.queued_at <= starved_at:
            # By arrival alone: a share must not keep a job waiting for ever.
            return False, 0.0, job.queued_at, job.id
        version, share = known.get(workspace, (-1, 0.0))
        if version != shares.version:
            share = shares.share(workspace)
            known[workspace] = (shares.version, share)
        return True, share, job.queued_at, job.id

    heap = [(key(workspace), workspace) for workspace in lines]
    heapify(heap)
    while heap:
        workspace = heap[0][1]
        yield lines[workspace].pop()
        if lines[workspace]:
            heapreplace(heap, (key(workspace), workspace))
        else:
            heappop(heap)
