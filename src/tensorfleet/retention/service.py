"""Says what is too old, and removes it; never what something refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import structlog

from tensorfleet.errors import NotFound, TensorFleetError, Unavailable
from tensorfleet.kit.clock import Clock, rfc3339
from tensorfleet.objects.ports import ObjectInfo
from tensorfleet.retention.model import Ended, Item, Kept, Kind, Plan, Rules, is_due, why_kept
from tensorfleet.retention.ports import Objects, RetentionStore

MOST = 1000
"""Pieces in one look; a sweep looks again until nothing is left."""
_PAGE = 500
_OF_JOBS = ("files", "checkpoints", "profiles", "models")
log = structlog.get_logger()


class Retention:
    def __init__(
        self,
        store: RetentionStore,
        objects: Objects,
        registered: Callable[[str], bool],
        delete_job: Callable[[str], None],
        told: Callable[[Item], None],
        rules: Rules,
        clock: Clock,
    ) -> None:
        """
        Args:
            registered: whether a model version is made of a job, or soon will be.
            delete_job: forgets an ended job, with what only it has.
            told: called for each piece that was removed.
        """
        self._store = store
        self._objects = objects
        self._registered = registered
        self._delete_job = delete_job
        self._told = told
        self.rules = rules
        self._clock = clock

    def plan(self) -> Plan:
        """What a sweep would remove now, and what it would keep although it is old enough.

        Raises:
            Unavailable: a store is away.
        """
        now = self._clock()
        remove: list[Item] = []
        keep: list[Kept] = []
        gone: set[str] = set()
        for kind in Kind:
            for job in self._due(kind, now):
                if len(remove) >= MOST:
                    return Plan(tuple(remove), tuple(keep), more=True)
                if job.id in gone:
                    continue  # goes as a whole
                why = self._why_kept(job, kind)
                if why is not None and len(keep) < MOST:
                    keep.append(Kept(kind, job, why))
                elif why is None:
                    remove.append(Item(kind, job, self._bytes(job, kind)))
                    if kind is Kind.JOBS:
                        gone.add(job.id)
        return Plan(tuple(remove), tuple(keep))

    def sweep(self, still: Callable[[], bool] = lambda: True) -> list[Item]:
        """Removes what is planned while `still` says so; what cannot be removed now is left for the next time."""
        removed: list[Item] = []
        while still():
            plan, before = self.plan(), len(removed)
            for item in plan.remove:
                if not still():
                    return removed
                if self._remove(item):
                    removed.append(item)
                    self._told(item)
            if not plan.more or len(removed) == before:
                break
        return removed

    def _due(self, kind: Kind, now: datetime) -> Iterable[Ended]:
        shortest = self.rules.shortest(kind)
        after: tuple[datetime, str] | None = None
        while shortest is not None:
            page = self._store.ended(kind, now - shortest, _PAGE, after)
            yield from (job for job in page if is_due(job, kind, self.rules, now))
            if len(page) < _PAGE:
                return
            after = (page[-1].finished_at, page[-1].id)

    def _why_kept(self, job: Ended, kind: Kind) -> str | None:
        whole = kind is Kind.JOBS
        in_study = whole and job.study_id is not None and bool(self._store.existing([job.study_id]))
        return why_kept(job, kind, registered=whole and self._registered(job.id), in_study=in_study)

    def _bytes(self, job: Ended, kind: Kind) -> int:
        folders = {Kind.JOBS: _OF_JOBS, Kind.CHECKPOINTS: ("checkpoints",)}.get(kind, ())
        entries = self._store.entries_bytes(job.id, None if kind is Kind.JOBS else kind)
        return entries + sum(info.bytes for folder in folders for info in self._listed(f"{folder}/{job.id}"))

    def _listed(self, prefix: str) -> list[ObjectInfo]:
        try:
            return list(self._objects.list(prefix))
        except NotFound:
            return []

    def _remove(self, item: Item) -> bool:
        try:
            if item.kind is Kind.JOBS:
                self._delete_job(item.job.id)
                return True
            # The entries first: from then on nobody begins anew from what goes next.
            if not self._store.remove_entries(item.job, item.kind):
                return False
            if item.kind is Kind.CHECKPOINTS:
                for info in self._listed(f"checkpoints/{item.job.id}"):
                    self._objects.delete(info.key)
            return True
        except Unavailable:
            raise
        except TensorFleetError as error:  # it has begun again, or somebody else has removed it
            log.info("not removed", job_id=item.job.id, kind=item.kind.value, problem=error.detail)
            return False


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    return {
        "remove": [{**_to_dict(one.kind, one.job), "bytes": one.bytes} for one in plan.remove],
        "keep": [{**_to_dict(one.kind, one.job), "why": one.why} for one in plan.keep],
        "bytes": sum(one.bytes for one in plan.remove),
        "more": plan.more,
    }


def _to_dict(kind: Kind, job: Ended) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "job_id": job.id,
        "name": job.name,
        "workspace": job.workspace,
        "finished_at": rfc3339(job.finished_at),
    }
